# SPDX-License-Identifier: Apache-2.0
"""What the commands of `hangtag models` take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[
    Path,
    typer.Option(
        "--data", exists=True, file_okay=False, help="Folder with styles.csv or images.csv and image archives."
    ),
]
DataFoldersOption = Annotated[
    list[Path],
    typer.Option("--data", exists=True, file_okay=False, help="Folder of a data set; give one --data for each."),
]
BundleOption = Annotated[
    Path | None,
    typer.Option("--bundle", exists=True, file_okay=False, help="Folder of a bundle; default: the starter."),
]
NewFolderOption = Annotated[Path, typer.Option("--out", file_okay=False, help="Empty or new folder for the bundle.")]
RecipeOption = Annotated[
    Path | None,
    typer.Option("--recipe", exists=True, dir_okay=False, help="Recipe file (TOML); default: the starter's."),
]
TextModelOption = Annotated[
    Path | None,
    typer.Option("--text-model", exists=True, file_okay=False, help="BERT weights; default: the installed package's."),
]
CacheOption = Annotated[
    Path | None, typer.Option("--cache", help="Where image features are kept; default: the user's cache folder.")
]


class SplitChoice(StrEnum):
    """Which products are scored; `all` is for data that training never saw."""

    TEST = "test"
    VALIDATION = "validation"
    CALIBRATION = "calibration"
    TRAIN = "train"
    ALL = "all"


class SpaceChoice(StrEnum):
    """Which values a figure is about."""

    A = "A"
    B = "B"
    OURS = "ours"


class PrecisionChoice(StrEnum):
    """Arithmetic of the served CPU models."""

    AUTO = "auto"
    BF16 = "bf16"
    F32 = "f32"
