# SPDX-License-Identifier: Apache-2.0
"""A feed file becomes events in their topic. Counts come from delivery reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError

from consumer.errors import BrokerUnavailable
from consumer.feeds.formats import Format, adapter_of
from consumer.feeds.rows import BadRow, read_events
from consumer.kafka.topics import EVENT_BYTES
from consumer.registry.files import Subject
from consumer.registry.records import record_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from consumer.feeds.producer import EventProducer
    from consumer.feeds.rows import EventRow
    from consumer.registry.codec import Codec


@dataclass(frozen=True, slots=True)
class Feed:
    """A file and how to read it; `vendor_id` is for rows that name none."""

    file: Path
    format: Format
    vendor_id: str | None = None


@dataclass(slots=True)
class Tally:
    """What became of the rows of a feed so far. `events` reached their topic; `bad` rows are none, or too large."""

    rows: int = 0
    events: int = 0
    bad: int = 0
    columns_ignored: int = 0


def read_feed(feed: Feed) -> Iterator[EventRow | BadRow]:
    """The events of a file, in order and in flat memory; closes the file at its end."""
    with feed.file.open("rb") as file:
        yield from read_events(adapter_of(feed.format)(file), datetime.now(UTC), feed.vendor_id)


def push(rows: Iterable[EventRow | BadRow], producer: EventProducer, on_bad: Callable[[BadRow], None]) -> Tally:
    """Send the events of a feed in order; `on_bad` hears of every row that is none or is too large.

    Returns when the broker has them. Raises BrokerUnavailable when it stops taking them.
    """
    tally = Tally()

    def count(row: EventRow, error: KafkaError | None) -> None:
        if error is None:
            tally.events += 1
        elif error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            tally.bad += 1
            on_bad(BadRow(row.line, f"larger than the topic takes: {error.str()}"))

    with producer:
        for row in _good(rows, tally, on_bad):
            if producer.failure is not None:
                break
            producer.send(row.event, partial(count, row))
    if producer.failure is not None:
        raise BrokerUnavailable(
            f"the broker stopped taking events after {tally.events} of {tally.rows} rows: {producer.failure.str()}"
        )
    return tally


def check(rows: Iterable[EventRow | BadRow], codec: Codec, on_bad: Callable[[BadRow], None]) -> Tally:
    """The same counts without sending anything."""
    tally = Tally()
    for row in _good(rows, tally, on_bad):
        size = len(codec.encode(Subject.PRODUCT_EVENTS, record_fields(row.event)))
        if size <= EVENT_BYTES:
            tally.events += 1
        else:
            tally.bad += 1
            on_bad(BadRow(row.line, f"larger than the topic takes: {size} bytes"))
    return tally


def _good(rows: Iterable[EventRow | BadRow], tally: Tally, on_bad: Callable[[BadRow], None]) -> Iterator[EventRow]:
    """The good rows; the bad ones go to `on_bad`, both into the tally."""
    for row in rows:
        tally.rows += 1
        if isinstance(row, BadRow):
            tally.bad += 1
            on_bad(row)
        else:
            tally.columns_ignored += row.columns_ignored
            yield row
