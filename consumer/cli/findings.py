# SPDX-License-Identifier: Apache-2.0
"""How findings are shown, and what they exit with."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from consumer.cli.output import Output, json_text, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.doctor.finding import Finding

EXIT_FOUND = 1


def report(findings: Iterable[Finding], output: Output) -> None:
    """Print each as it comes, or one JSON list. Exits with 1 where one has failed."""
    from consumer.doctor.finding import Status

    shown = []
    for finding in findings:
        shown.append(finding)
        if output is Output.TEXT:
            _print(finding)
    if output is Output.JSON:
        print(json_text([asdict(finding) for finding in shown], indent=2))
    if any(finding.status is Status.FAILED for finding in shown):
        raise typer.Exit(EXIT_FOUND)


def _print(finding: Finding) -> None:
    print(f"{finding.status:<8}{finding.check:<25}{visible(finding.found)}", flush=True)
    if finding.advice:
        print(f"{'':8}{'':25}-> {visible(finding.advice)}", flush=True)
