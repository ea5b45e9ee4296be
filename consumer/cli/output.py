# SPDX-License-Identifier: Apache-2.0
"""The option `--output` of every command that prints data."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Output(StrEnum):
    """For people, or for programs."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", help="text for people, json for programs.")]
