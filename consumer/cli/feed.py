# SPDX-License-Identifier: Apache-2.0
"""`hangtag feed`: vendor feeds become product events."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.output import Output, OutputOption
from consumer.cli.vendor import checked_vendor
from consumer.feeds.formats import Format
from consumer.feeds.reading import DeletedWhen

if TYPE_CHECKING:
    from consumer.feeds.job import Job

EXIT_DELETES_REFUSED = 1
EXIT_SOME_ROWS_BAD = 3

app = typer.Typer(
    help="Turn vendor feeds into product events.",
    no_args_is_help=True,
    epilog="Example: hangtag feed push products.csv --format csv --vendor acme --dry-run",
)

_FORMATS = (
    "jsonl: one JSON object a line; csv: a table, see --mapping; google-merchant: tab-separated, RSS or Atom; "
    "shopify-csv: the product export."
)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_DELIMITERS = {"tab": "\t", "\\t": "\t"}

_WAYS = "What is sent"
_FILE = "What the file does not say"


@app.callback()
def _feed() -> None:
    """Turn vendor feeds into product events."""


@app.command(epilog="Example: hangtag feed push products.csv.gz --format csv --mapping acme.toml --vendor acme")
def push(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, readable=True, help="The feed, gzip or not; no standard input."),
    ],
    file_format: Annotated[Format, typer.Option("--format", help=_FORMATS)],
    vendor: Annotated[str | None, typer.Option(help="vendor_id of rows that name none.")] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="csv: TOML that says which column is which field; see docs/feeds.md.",
            rich_help_panel=_FILE,
        ),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="One character, or tab. Default: found out.", rich_help_panel=_FILE)
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="For example cp1252. Default: by the byte order mark, else UTF-8.", rich_help_panel=_FILE),
    ] = None,
    deleted_when: Annotated[
        str | None,
        typer.Option(metavar="COLUMN=VALUE", help="Rows that withdraw their product.", rich_help_panel=_FILE),
    ] = None,
    feed: Annotated[
        str | None,
        typer.Option(help="Name of the feed, in its events and its state. Default: the file's, up to the first dot."),
    ] = None,
    changed_only: Annotated[
        bool,
        typer.Option("--changed-only", help="Only what differs from what the broker has of it.", rich_help_panel=_WAYS),
    ] = False,
    full_feed: Annotated[
        bool,
        typer.Option(
            "--full-feed",
            help="Withdraw products that left the feed. Sends nothing without --execute.",
            rich_help_panel=_WAYS,
        ),
    ] = False,
    execute: Annotated[
        bool, typer.Option("--execute", help="With --full-feed: do it, not only plan it.", rich_help_panel=_WAYS)
    ] = False,
    allow_deletes: Annotated[
        bool,
        typer.Option("--allow-deletes", help="Even if more than 10 % left the feed.", rich_help_panel=_WAYS),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and count; send nothing.", rich_help_panel=_WAYS)
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Where what was sent is remembered. Default: the user's state folder."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the broker.")] = 30,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send a feed to the events topic; bad rows are reported with line and reason, the good ones go on (exit 3)."""
    from consumer.feeds.job import Job
    from consumer.feeds.mapping import load_mapping
    from consumer.feeds.push import Feed
    from consumer.feeds.reading import Reading

    if (execute or allow_deletes) and not full_feed:
        raise typer.BadParameter("--execute and --allow-deletes are for --full-feed")
    if execute and dry_run:
        raise typer.BadParameter("either --execute or --dry-run")
    reading = Reading(
        encoding, _checked_delimiter(delimiter), load_mapping(mapping) if mapping else None, _parted(deleted_when)
    )
    _run(
        Job(
            feed=Feed(file, file_format, checked_vendor(vendor), _checked_name(feed), reading),
            name=feed or re.sub(r"[^A-Za-z0-9_-]", "-", file.name.partition(".")[0]),
            changed_only=changed_only,
            full_feed=full_feed,
            allow_deletes=allow_deletes,
            is_dry_run=dry_run or (full_feed and not execute),
            state_folder=state,
            timeout_s=timeout,
        ),
        output,
    )


def _run(job: Job, output: Output) -> None:
    from consumer.cli.bars import progress_bars
    from consumer.cli.feed_screen import Screen
    from consumer.feeds.job import run_job
    from consumer.registry.opening import open_codec
    from consumer.settings import load_settings

    settings = load_settings()
    with open_codec(settings.registry, settings.topics) as codec, progress_bars(of_bytes=True) as bars:
        screen = Screen(job, output, bars)
        outcome = run_job(job, settings, codec, screen.listeners)
    screen.print(outcome, settings.topics.events)
    if outcome.tally.bad:
        raise typer.Exit(EXIT_SOME_ROWS_BAD)
    if outcome.departures is not None and outcome.departures.refused:
        raise typer.Exit(EXIT_DELETES_REFUSED)


def _checked_name(name: str | None) -> str | None:
    if name is not None and not _NAME.fullmatch(name):
        raise typer.BadParameter(f"{name!r} is not {_NAME.pattern}", param_hint="--feed")
    return name


def _checked_delimiter(delimiter: str | None) -> str | None:
    if delimiter is None:
        return None
    letter = _DELIMITERS.get(delimiter, delimiter)
    if len(letter) != 1 or letter in '"\r\n':
        raise typer.BadParameter(f"{delimiter!r} is not one character, or tab", param_hint="--delimiter")
    return letter


def _parted(deleted_when: str | None) -> DeletedWhen | None:
    if deleted_when is None:
        return None
    column, equals, value = (part.strip() for part in deleted_when.partition("="))
    if not (column and equals and value):
        raise typer.BadParameter(f"{deleted_when!r} is not COLUMN=VALUE", param_hint="--deleted-when")
    return DeletedWhen(column, value)
