# SPDX-License-Identifier: Apache-2.0
"""What the commands of `hangtag models` take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from triton_models.training.shown import Inputs

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
ImageWeightsOption = Annotated[
    Path | None,
    typer.Option(
        "--image-weights",
        exists=True,
        dir_okay=False,
        help="ImageNet weights of the recipe's backbone, a torchvision state dict; default: MobileNetV2's.",
    ),
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


SplitOption = Annotated[SplitChoice, typer.Option(help="Products to score; `all` for data that training never saw.")]
SpaceOption = Annotated[SpaceChoice, typer.Option(help="Label space: those of the published anchors, or ours.")]
PhotosOnlyOption = Annotated[bool, typer.Option("--photos-only", help="Show the model no titles.")]
TitlesOnlyOption = Annotated[bool, typer.Option("--titles-only", help="Show the model no photos.")]
BlankTitlesOption = Annotated[bool, typer.Option("--blank-titles", help="Send events with empty titles.")]


InputsOption = Annotated[
    Inputs,
    typer.Option(
        help="What the model is shown. Titles: bare of words that name a colour, a gender or a type; useless: brand or "
        "number alone; foreign: another product's. Photos: several made of one; with one of another product."
    ),
]


class PrecisionChoice(StrEnum):
    """Arithmetic of the served CPU models."""

    AUTO = "auto"
    BF16 = "bf16"
    F32 = "f32"


def chosen_inputs(inputs: Inputs, photos_only: bool, titles_only: bool, blank_titles: bool) -> Inputs:
    """What the options ask for; a flag is short for its choice. Raises BadParameter for more than one."""
    flags = {
        Inputs.PHOTOS_ONLY: photos_only,
        Inputs.TITLES_ONLY: titles_only,
        Inputs.BLANK_TITLES: blank_titles,
    }
    asked = {flag for flag, is_wanted in flags.items() if is_wanted} | ({inputs} - {Inputs.ALL})
    if len(asked) > 1:
        raise typer.BadParameter("choose one of --photos-only, --titles-only, --blank-titles, --inputs")
    return asked.pop() if asked else Inputs.ALL
