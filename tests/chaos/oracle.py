# SPDX-License-Identifier: Apache-2.0
"""Judges what came out against what went in."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.headers import SOURCE, last_value
from consumer.kafka.message import delivery_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from confluent_kafka import Message


@dataclass(frozen=True)
class Record:
    """What the oracle needs of an output or a dead letter."""

    topic: str
    key: bytes
    value: bytes
    source: str


@dataclass(frozen=True)
class Verdict:
    """Zero everywhere, or the promise is broken."""

    missing: int
    duplicates: int
    order_breaks: int
    from_aborted: int
    unknown: int
    misplaced: int

    @property
    def is_clean(self) -> bool:
        return self == Verdict(0, 0, 0, 0, 0, 0)


def records_of(found: Mapping[str, Iterable[Message]]) -> list[Record]:
    """By topic, in offset order within each partition."""
    return [
        Record(topic, record.key or b"", record.value or b"", last_value(record.headers, SOURCE) or "")
        for topic, messages in found.items()
        for record in map(delivery_of, messages)
    ]


def judge(written: Mapping[str, bytes], aborted: Iterable[bytes], bad: bytes, found: Sequence[Record]) -> Verdict:
    """`written` is the committed input: source -> value; `found` is in the order in which a reader sees it.

    Values are unique and end with their key's sequence number: `key:sequence` and, for those to be rejected, `bad`.
    """
    seen = Counter(record.source for record in found)
    aborted_values = set(aborted)
    rejected_topics = {record.topic for record in found if record.value.endswith(bad)}
    return Verdict(
        missing=sum(source not in seen for source in written),
        duplicates=sum(count - 1 for count in seen.values()),
        order_breaks=_order_breaks(found),
        from_aborted=sum(record.value in aborted_values for record in found),
        unknown=sum(written.get(record.source) != record.value for record in found),
        misplaced=sum((record.topic in rejected_topics) != record.value.endswith(bad) for record in found),
    )


def _order_breaks(found: Sequence[Record]) -> int:
    last: dict[tuple[str, bytes], int] = defaultdict(lambda: -1)
    breaks = 0
    for record in found:
        place, sequence = (record.topic, record.key), int(record.value.split(b":")[1])
        breaks += sequence <= last[place]
        last[place] = sequence
    return breaks
