# SPDX-License-Identifier: Apache-2.0
"""`hangtag demo`: the whole flow on one machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.bars import progress_bars
from consumer.cli.local import DEFAULT_STATE, State
from consumer.cli.output import Output, OutputOption

if TYPE_CHECKING:
    from consumer.local.demo import Report

EXIT_DIFFERENCE = 1


def command(
    products: Annotated[int, typer.Option(min=1, max=100_000, help="Made-up products.")] = 100,
    seed: Annotated[int, typer.Option(help="Another seed, other products.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Let the parts that were started here run on.")] = False,
    state: State = DEFAULT_STATE,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of the bundle that Triton serves; default: the shipped starter.")
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Draw a vendor's products, send them through Kafka, Triton and `hangtag run`, and show what came out.

    Uses the parts that run in the state folder, else starts its own and stops them. One product in ten is in trouble:
    dead links, no image, broken text or record, a redirect to a private address, a deletion. Exit 1 when what came out
    is not what went in.
    """
    from consumer.cli.demo_screen import print_report
    from consumer.local.demo import Plan, run_demo

    with progress_bars(or_lines=True) as bars:
        report = run_demo(Plan(products, seed, state, bundle, keep), bars)
    if output is Output.JSON:
        print(json.dumps(report.summary, indent=2))
    else:
        print_report(report, state)
    _complain(report)


def _complain(report: Report) -> None:
    for complaint in report.complaints:
        print(f"hangtag: {complaint}", file=sys.stderr)
    if report.complaints:
        raise typer.Exit(EXIT_DIFFERENCE)
