# SPDX-License-Identifier: Apache-2.0
"""`hangtag topics`: the topics that Hangtag reads and writes."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from consumer.cli.output import Output, OutputOption

app = typer.Typer(
    help="Create the topics.",
    no_args_is_help=True,
    epilog="Example: hangtag topics create --partitions 6 --replication 3",
)


@app.callback()
def _topics() -> None:
    """Create the topics that Hangtag reads and writes."""


@app.command(epilog="Example: hangtag topics create --partitions 6 --replication 3")
def create(
    partitions: Annotated[int, typer.Option(min=1, help="Of each topic; equal, so that a key keeps its number.")] = 6,
    replication: Annotated[int, typer.Option(min=1, help="Copies of each partition; 1 on a single broker.")] = 3,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the broker.")] = 30,
    output: OutputOption = Output.TEXT,
) -> None:
    """Create the four topics where they are missing; existing ones are reported and not touched."""
    from consumer.kafka.topics import Layout, create_topics
    from consumer.settings import load_settings

    settings = load_settings()
    reports = create_topics(settings.kafka, settings.topics, Layout(partitions, replication), timeout)
    if output is Output.JSON:
        print(json.dumps({"topics": [asdict(report) for report in reports]}))
        return
    for report in reports:
        word = "created" if report.created else "was there, not touched"
        print(f"{report.name}: {report.partitions} partitions, {report.replication} copies, {word}")
