# SPDX-License-Identifier: Apache-2.0
"""A feed file becomes events in their topic. Counts come from delivery reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError

from consumer.errors import BrokerUnavailable
from consumer.feeds.formats import Format, adapter_of
from consumer.feeds.full_feed import Departures, plan_departures, withdrawal
from consumer.feeds.opening import BrokenOff, opened
from consumer.feeds.reading import Reading
from consumer.feeds.rows import BadRow, EventRow, read_events
from consumer.feeds.seen import Seen
from consumer.feeds.tally import Tally
from consumer.kafka.topics import EVENT_BYTES
from consumer.registry.files import Subject
from consumer.registry.records import record_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from consumer.feeds.producer import EventProducer
    from consumer.feeds.state import FeedState
    from consumer.registry.codec import Codec

#: Rows whose keys are written to the state in one transaction before they are sent.
_CHUNK_ROWS = 1_000

#: Rows between two reports of progress.
_PROGRESS_ROWS = 1_000

OnProgress = Callable[[int, int], None]
"""Hears how many bytes of the file are read, of how many."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A file and how to read it; `vendor_id` is for rows that name none, `name` for the events' field `feed`."""

    file: Path
    format: Format
    vendor_id: str | None = None
    name: str | None = None
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of earlier pushes of a feed, and what it is used for."""

    state: FeedState
    changed_only: bool = False
    full_feed: bool = False
    allow_deletes: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Who hears of rows in trouble while they pass."""

    bad: Callable[[BadRow], None]
    duplicate: Callable[[int, str], None] = lambda _line, _key: None
    """The later row's line, and the product."""


def read_feed(feed: Feed, on_progress: OnProgress | None = None) -> Iterator[EventRow | BadRow]:
    """The events of a file, in order and in flat memory; closes the file at its end.

    A file that breaks off ends with a bad row. Raises FeedInvalid, before the first row, where file and options differ.
    """
    adapter = adapter_of(feed.format, feed.reading)
    line = count = 0
    with opened(feed.file) as file:
        size = feed.file.stat().st_size
        try:
            for row in read_events(adapter(file), datetime.now(UTC), feed.vendor_id, feed.name):
                line = row.line
                yield row
                count += 1
                if on_progress is not None and count % _PROGRESS_ROWS == 0:
                    on_progress(file.whole.tell(), size)
        except BrokenOff as error:
            yield BadRow(line + 1, str(error))


class Push:
    """One feed on its way to the topic."""

    def __init__(self, report: Report, memory: Memory | None = None) -> None:
        self.tally = Tally()
        self.departures: Departures | None = None
        """What left the feed; None unless the feed is a full one and was read to its end."""
        self._report = report
        self._memory = memory
        self._seen = Seen()
        self._known = memory.state.count() if memory and memory.full_feed else 0

    def send(self, rows: Iterable[EventRow | BadRow], producer: EventProducer, feed: str | None = None) -> Tally:
        """Send the events of a feed in order, then those that withdraw what left it.

        Returns when the broker has them. Raises BrokerUnavailable when it stops taking them.
        """
        with producer:
            for row in self._noted(self._worth_sending(rows)):
                if producer.failure is not None:
                    break
                producer.send(row.event, partial(self._delivered, row))
        # Only now are all rows acknowledged, or the push has failed.
        self._check(producer)
        self._plan_departures()
        if self.departures is not None and not self.departures.refused:
            self._withdraw(producer, feed)
        return self.tally

    def check(self, rows: Iterable[EventRow | BadRow], codec: Codec) -> Tally:
        """The same counts without sending anything."""
        for row in self._worth_sending(rows):
            size = len(codec.encode(Subject.PRODUCT_EVENTS, record_fields(row.event)))
            if size <= EVENT_BYTES:
                self.tally.events += 1
            else:
                self._bad(BadRow(row.line, f"larger than the topic takes: {size} bytes", row.event.key))
        self._plan_departures()
        return self.tally

    def _worth_sending(self, rows: Iterable[EventRow | BadRow]) -> Iterator[EventRow]:
        """The good rows that tell the broker something; all of them into the tally."""
        for row in rows:
            self.tally.rows += 1
            if isinstance(row, BadRow):
                self._bad(row)
                continue
            self.tally.columns_ignored = max(self.tally.columns_ignored, row.columns_ignored)
            is_first = self._seen.add(row.event.key)
            if not is_first:
                self.tally.duplicates += 1
                self._report.duplicate(row.line, row.event.key)
            # Of several rows of one product all are sent: what the state says is older than the first of them.
            elif self._memory and self._memory.changed_only and self._memory.state.has(row.event):
                self.tally.unchanged += 1
                continue
            yield row

    def _noted(self, rows: Iterator[EventRow]) -> Iterator[EventRow]:
        """The same rows, their products marked in the state before they are sent."""
        if self._memory is None:
            yield from rows
            return
        while chunk := list(islice(rows, _CHUNK_ROWS)):
            self._memory.state.expect(row.event.key for row in chunk)
            yield from chunk

    def _delivered(self, row: EventRow, error: KafkaError | None) -> None:
        if error is None:
            self.tally.events += 1
            if self._memory is not None:
                self._memory.state.keep(row.event)
        elif error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            self._bad(BadRow(row.line, f"larger than the topic takes: {error.str()}", row.event.key))

    def _bad(self, row: BadRow) -> None:
        self.tally.bad += 1
        if row.key is None:
            self.tally.nameless += 1
        else:
            self._seen.add(row.key)  # it stands in the feed, however badly
        self._report.bad(row)

    def _plan_departures(self) -> None:
        memory = self._memory
        if memory is not None and memory.full_feed:
            self.departures = plan_departures(
                memory.state, self._seen, self.tally, known=self._known, allow_deletes=memory.allow_deletes
            )

    def _withdraw(self, producer: EventProducer, feed: str | None) -> None:
        assert self._memory is not None
        with producer:
            for key in self._memory.state.left(self._seen):
                if producer.failure is not None:
                    break
                producer.send(withdrawal(key, feed), partial(self._withdrawn, key))
        self._check(producer)

    def _withdrawn(self, key: str, error: KafkaError | None) -> None:
        if error is None:
            assert self._memory is not None
            self.tally.deleted += 1
            self._memory.state.forget(key)

    def _check(self, producer: EventProducer) -> None:
        if producer.failure is not None:
            raise BrokerUnavailable(
                f"the broker stopped taking events after {self.tally.events + self.tally.deleted} of "
                f"{self.tally.rows} rows: {producer.failure.str()}"
            )


def push(rows: Iterable[EventRow | BadRow], producer: EventProducer, on_bad: Callable[[BadRow], None]) -> Tally:
    """Send the events of a feed without remembering them; see `Push.send`."""
    return Push(Report(on_bad)).send(rows, producer)
