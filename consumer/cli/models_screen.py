# SPDX-License-Identifier: Apache-2.0
"""What the commands of `hangtag models` show, and how they end."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from consumer.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from triton_models.training.recalibrate import Recalibrated
    from triton_models.training.scoring import Evaluation

EXIT_SOME_ROWS_BAD = 3


def print_evaluation(evaluation: Evaluation, output: Output) -> None:
    """The figures, as a page or JSON."""
    if output is Output.JSON:
        typer.echo(json.dumps(evaluation.as_json()))
        return
    from triton_models.training.page import as_markdown
    from triton_models.training.report import page_of

    typer.echo(as_markdown(page_of(evaluation)), nl=False)


def print_calibration(found: Recalibrated, out: Path, output: Output) -> None:
    """The temperatures that were kept, as text, or all that was found, as JSON."""
    if output is Output.JSON:
        typer.echo(json.dumps({"out": str(out), **asdict(found)}))
        return
    typer.echo(f"thresholds {found.thresholds.version} from {found.products:,} products are in {out}")
    for handle, kinds in found.temperatures.items():
        typer.echo(f"{handle}: " + ", ".join(f"{kind} at temperature {value:.2f}" for kind, value in kinds.items()))


def exit_for(faults: Sequence[str]) -> None:
    """End the command with 3 where there are any; what could be done without them is done."""
    if faults:
        raise typer.Exit(EXIT_SOME_ROWS_BAD)
