# SPDX-License-Identifier: Apache-2.0
"""`hangtag feed`: vendor feeds become product events."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumer.cli.output import Output, OutputOption
from consumer.feeds.formats import Format

if TYPE_CHECKING:
    from consumer.feeds.push import Tally
    from consumer.feeds.rows import BadRow

EXIT_SOME_ROWS_BAD = 3

#: Bad rows named in the JSON; the count is of all of them.
MAX_BAD_ROWS = 1_000

app = typer.Typer(help="Turn vendor feeds into product events.", no_args_is_help=True)


@app.callback()
def _feed() -> None:
    """Turn vendor feeds into product events."""


@app.command(epilog="Example: hangtag feed push products.jsonl --format jsonl --vendor acme")
def push(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The feed.")],
    file_format: Annotated[Format, typer.Option("--format", help="jsonl: one JSON object a line.")],
    vendor: Annotated[str | None, typer.Option(help="vendor_id of rows that name none.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and count; send nothing.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the broker.")] = 30,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send a feed to the events topic; bad rows are reported with line and reason, the good ones go on (exit 3)."""
    from consumer.feeds.producer import EventProducer
    from consumer.feeds.push import Feed, check, read_feed
    from consumer.feeds.push import push as send
    from consumer.registry.bundled import BundledCodec
    from consumer.settings import load_settings

    bad_rows: list[dict[str, Any]] = []

    def note(row: BadRow) -> None:
        if output is Output.TEXT:
            typer.echo(f"{file}:{row.line}: {row.reason}", err=True)
        elif len(bad_rows) < MAX_BAD_ROWS:
            bad_rows.append(asdict(row))

    settings, codec = load_settings(), BundledCodec()
    topic, rows = settings.topics.events, read_feed(Feed(file, file_format, _checked_vendor(vendor)))
    if dry_run:
        tally = check(rows, codec, note)
    else:
        tally = send(rows, EventProducer(settings.kafka, topic, codec, timeout), note)
    if output is Output.JSON:
        counts = {"topic": topic, "dry_run": dry_run, **asdict(tally), "bad_rows": bad_rows}
        print(json.dumps(counts, ensure_ascii=False))
    else:
        print(_sentence(tally, f"{'would go' if dry_run else 'went'} to {topic}"))
    if tally.bad:
        raise typer.Exit(EXIT_SOME_ROWS_BAD)


def _checked_vendor(vendor: str | None) -> str | None:
    from consumer.stages.decode import VENDOR_ID

    if vendor is not None and not VENDOR_ID.fullmatch(vendor):
        raise typer.BadParameter(f"{vendor!r} is not {VENDOR_ID.pattern}", param_hint="--vendor")
    return vendor


def _sentence(tally: Tally, what: str) -> str:
    ignored = (
        f"; {tally.columns_ignored} columns that no field is named after were ignored" if tally.columns_ignored else ""
    )
    return f"{tally.rows} rows: {tally.events} events {what}, {tally.bad} bad{ignored}"
