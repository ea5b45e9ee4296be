# SPDX-License-Identifier: Apache-2.0
"""`hangtag topics`: the topics that Hangtag reads and writes."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from consumer.cli.findings import report
from consumer.cli.output import Output, OutputOption

app = typer.Typer(
    help="Create and check the topics.",
    no_args_is_help=True,
    epilog="Example: hangtag topics create --partitions 6 --replication 3",
)


@app.callback()
def _topics() -> None:
    """Create and check the topics that Hangtag reads and writes."""


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
        print(json.dumps({"topics": [asdict(topic) for topic in reports]}))
        return
    for topic in reports:
        word = "created" if topic.created else "was there, not touched"
        print(f"{topic.name}: {topic.partitions} partitions, {topic.replication} copies, {word}")


@app.command(epilog="Example: hangtag topics check --output json")
def check(
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for each answer.")] = 30,
    output: OutputOption = Output.TEXT,
) -> None:
    """Judge partitions, leaders, copies and configurations of the four topics, and name the command that mends each.

    Exit 1 where something has failed; warnings and what could not be read do not count.
    """
    from consumer.doctor.examination import examine_topics
    from consumer.observability.logs import quiet_logs
    from consumer.settings import load_settings

    quiet_logs()
    report(examine_topics(load_settings(), timeout), output)
