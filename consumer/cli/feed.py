# SPDX-License-Identifier: Apache-2.0
"""`hangtag feed`: vendor feeds become product events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import typer

from consumer.cli.feed_options import (
    AllowDeletesOption,
    ChangedOnlyOption,
    DeletedWhenOption,
    DelimiterOption,
    DryRunOption,
    EncodingOption,
    ExecuteOption,
    FeedOption,
    FileArgument,
    FormatOption,
    FullFeedOption,
    MappingOption,
    StateOption,
    TimeoutOption,
    VendorOption,
)
from consumer.cli.output import Output, OutputOption
from consumer.cli.vendor import checked_vendor
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

_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_DELIMITERS = {"tab": "\t", "\\t": "\t"}


@app.callback()
def _feed() -> None:
    """Turn vendor feeds into product events."""


@app.command(epilog="Example: hangtag feed push products.csv.gz --format csv --mapping acme.toml --vendor acme")
def push(
    file: FileArgument,
    file_format: FormatOption,
    vendor: VendorOption = None,
    mapping: MappingOption = None,
    delimiter: DelimiterOption = None,
    encoding: EncodingOption = None,
    deleted_when: DeletedWhenOption = None,
    feed: FeedOption = None,
    changed_only: ChangedOnlyOption = False,
    full_feed: FullFeedOption = False,
    execute: ExecuteOption = False,
    allow_deletes: AllowDeletesOption = False,
    dry_run: DryRunOption = False,
    state: StateOption = None,
    timeout: TimeoutOption = 30,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send a feed to the events topic; bad rows are reported with line and reason, the good ones go on (exit 3)."""
    from consumer.feeds.job import Job
    from consumer.feeds.mapping import load_mapping
    from consumer.feeds.push import Feed
    from consumer.feeds.reading import Reading

    _check_together(full_feed, execute, allow_deletes, dry_run)
    reading = Reading(
        encoding, _checked_delimiter(delimiter), load_mapping(mapping) if mapping else None, _parted(deleted_when)
    )
    job = Job(
        feed=Feed(file, file_format, checked_vendor(vendor), _checked_name(feed), reading),
        name=feed or re.sub(r"[^A-Za-z0-9_-]", "-", file.name.partition(".")[0]),
        changed_only=changed_only,
        full_feed=full_feed,
        allow_deletes=allow_deletes,
        is_dry_run=dry_run or (full_feed and not execute),
        state_folder=state,
        timeout_s=timeout,
    )
    _run(job, output)


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


def _check_together(full_feed: bool, execute: bool, allow_deletes: bool, dry_run: bool) -> None:
    """Raises BadParameter for ways that contradict each other."""
    if (execute or allow_deletes) and not full_feed:
        raise typer.BadParameter("--execute and --allow-deletes are for --full-feed")
    if execute and dry_run:
        raise typer.BadParameter("either --execute or --dry-run")


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
