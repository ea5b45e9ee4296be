# SPDX-License-Identifier: Apache-2.0
"""What `hangtag feed push` shows: rows in trouble as they come, counts at the end."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from consumer.cli.output import Output, json_text, visible
from consumer.feeds.job import Listeners
from consumer.feeds.push import Report

if TYPE_CHECKING:
    from consumer.cli.bars import Bars
    from consumer.feeds.full_feed import Departures
    from consumer.feeds.job import Job, Outcome
    from consumer.feeds.rows import BadRow
    from consumer.feeds.tally import Tally

#: Rows named in the JSON; the counts are of all of them.
MAX_ROWS = 1_000

#: Repeated products named in the text.
SHOWN_DUPLICATES = 20


class Screen:
    """Rows in trouble go to standard error, the outcome to standard output."""

    def __init__(self, job: Job, output: Output, bars: Bars) -> None:
        self._job = job
        self._output = output
        self._bad: list[dict[str, Any]] = []
        self._duplicates: list[dict[str, Any]] = []
        report = Report(self._on_bad, self._on_duplicate)
        self.listeners = Listeners(report, bars.of(visible(job.feed.file.name)))

    def print(self, outcome: Outcome, topic: str) -> None:
        """The outcome, as text or JSON."""
        if self._output is Output.JSON:
            print(json_text(self._fields(outcome, topic)))
            return
        print(_sentence(outcome.tally, f"{'would go' if self._job.is_dry_run else 'went'} to {topic}"))
        if outcome.departures is not None:
            print(self._departed(outcome.departures))

    def _fields(self, outcome: Outcome, topic: str) -> dict[str, Any]:
        departures = outcome.departures
        return {
            "topic": topic,
            "dry_run": self._job.is_dry_run,
            **asdict(outcome.tally),
            "bad_rows": self._bad,
            "duplicate_rows": self._duplicates,
            "departures": None if departures is None else asdict(departures),
        }

    def _departed(self, departures: Departures) -> str:
        named = ", ".join(map(visible, departures.first)) + (", …" if departures.left > len(departures.first) else "")
        who = f"{departures.left} of {departures.known} known products left the feed{': ' if named else ''}{named}"
        if departures.refused:
            return f"{who}\nnothing is withdrawn: {departures.refused}"
        if self._job.is_dry_run:
            return f"{who}\nthis was the plan; --execute sends the rows and withdraws what left"
        return f"{who}\nthey are withdrawn"

    def _on_bad(self, row: BadRow) -> None:
        if self._output is Output.TEXT:
            typer.echo(f"{self._job.feed.file}:{row.line}: {visible(row.reason)}", err=True)
        elif len(self._bad) < MAX_ROWS:
            self._bad.append(asdict(row))

    def _on_duplicate(self, line: int, key: str) -> None:
        if len(self._duplicates) < MAX_ROWS:
            self._duplicates.append({"line": line, "key": key})
        if self._output is Output.TEXT and len(self._duplicates) <= SHOWN_DUPLICATES:
            typer.echo(
                f"{self._job.feed.file}:{line}: {visible(key)} stood in the feed before; this row is newer", err=True
            )


def _sentence(tally: Tally, what: str) -> str:
    more = [
        f"{count} {words}"
        for count, words in (
            (tally.unchanged, "unchanged"),
            (tally.deleted, "withdrawn"),
            (tally.duplicates, "repeated a product"),
        )
        if count
    ]
    ignored = f"; left out {tally.columns_ignored} of its columns, which name no field" if tally.columns_ignored else ""
    return f"{tally.rows} rows: {', '.join([f'{tally.events} events {what}', f'{tally.bad} bad', *more])}{ignored}"
