# SPDX-License-Identifier: Apache-2.0
"""Results that are not published yet, and the batch that the next transaction is made of."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING

import structlog
from confluent_kafka import TopicPartition
from msgspec import Struct

from consumer.errors import DeadLetterReason, Refused
from consumer.events import Finished, Rejected
from consumer.headers import source_of
from consumer.kafka.publishing import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from consumer.events import Delivery, Outcome, OutputRecord
    from consumer.kafka.broker import CurrentLimits
    from consumer.kafka.dead_letter import DeadLetters
    from consumer.kafka.progress import Progress, Snapshot

log = structlog.get_logger()

_BY_OFFSET = attrgetter("delivery.offset")

#: What the record's frame takes beside key, value and headers, with room to spare.
FRAME_BYTES = 512


class Result(Struct, frozen=True, gc=False):
    """A finished delivery and what it still holds."""

    progress: Progress
    delivery: Delivery
    outcome: Outcome
    held_bytes: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch, with what it settles once it is published."""

    batch: Batch
    results: Sequence[tuple[Result, Rejected | None]]
    """With the reason of those that end as dead letters."""
    snapshots: Sequence[tuple[Progress, Snapshot]]


class Outbox:
    """Holds results until they are final. Owner thread only."""

    def __init__(self, input_topic: str, dead_letters: DeadLetters, limits: CurrentLimits, *, drops_maps: bool) -> None:
        """`drops_maps` publishes all results even when the bitmap cannot record them: a crash then repeats some."""
        self._limits = limits
        self._input_topic = input_topic
        self._dead_letters = dead_letters
        self._drops_maps = drops_maps
        self._waiting: defaultdict[Progress, list[Result]] = defaultdict(list)
        self._unsettled: Prepared | None = None

    def __len__(self) -> int:
        unsettled = len(self._unsettled.results) if self._unsettled is not None else 0
        return unsettled + sum(map(len, self._waiting.values()))

    def bitmap_share(self, snapshot: Snapshot) -> float:
        """Part of the broker's limit that a bitmap takes."""
        return len(snapshot.metadata) / self._limits.now.metadata_bytes

    def add(self, result: Result) -> None:
        """Take one result."""
        self._waiting[result.progress].append(result)

    def drop_closed(self) -> list[Result]:
        """Forget the results of partitions that are gone; what was dropped."""
        dropped: list[Result] = []
        if self._unsettled is not None:
            results = [result for result, _ in self._unsettled.results]
            dropped += [result for result in results if result.progress.is_closed]
            self._unsettled = self._batch(
                [result for result in results if not result.progress.is_closed],
                [entry for entry in self._unsettled.snapshots if not entry[0].is_closed],
            )
        for progress in [progress for progress in self._waiting if progress.is_closed]:
            dropped += self._waiting.pop(progress)
        return dropped

    @property
    def assumes_limits(self) -> bool:
        """Whether some limits are the brokers' defaults, because we may not read the real ones."""
        return self._limits.now.is_assumed

    def fit_again(self) -> bool:
        """Read the topics' limits again; whether they changed. What no longer fits then becomes a dead letter."""
        if not self._limits.read_again():
            return False
        if self._unsettled is not None:
            self._unsettled = self._batch([result for result, _ in self._unsettled.results], self._unsettled.snapshots)
        return True

    def prepare(self, assigned: Iterable[Progress]) -> Prepared | None:
        """The next batch, in order of partition and offset; None when nothing changed since the last one.

        The same batch again while it is not settled: its bitmap already says that all of it is published.
        Raises Refused.
        """
        if self._unsettled is not None:
            return self._unsettled
        taken = [
            (results, self._finish(progress, results))
            for progress, results in sorted(self._waiting.items(), key=lambda entry: entry[0].partition)
        ]
        chosen = [result for results, count in taken for result in results[:count]]
        snapshots = [
            (progress, snapshot)
            for progress in assigned
            if (snapshot := progress.snapshot()) is not None and snapshot != progress.committed
        ]
        self._unsettled = self._batch(chosen, snapshots)
        for results, count in taken:  # not before: a batch that is refused takes nothing
            del results[:count]
        return self._unsettled

    def settle(self, prepared: Prepared) -> None:
        """The batch is published: its results are done with, its offsets are what the broker has."""
        for progress, snapshot in prepared.snapshots:
            progress.committed = snapshot
        self._unsettled = None

    def _batch(self, chosen: Sequence[Result], snapshots: Sequence[tuple[Progress, Snapshot]]) -> Prepared | None:
        # One that does not fit has no new results in it: what the broker has stays true.
        recorded = [entry for entry in snapshots if self._drops_maps or self._fits(entry[1])]
        if not chosen and not recorded:
            return None
        fates: list[tuple[Result, Rejected | None]] = []
        records: list[tuple[int, OutputRecord]] = []
        for result in chosen:
            rejected = self._rejection(result.outcome)
            fates.append((result, rejected))
            partition = result.delivery.partition
            records += [(partition, record) for record in self._records(result, rejected)]
        offsets = [self._offset(progress.partition, snapshot) for progress, snapshot in recorded]
        return Prepared(Batch(records, offsets), fates, recorded)

    def _finish(self, progress: Progress, results: list[Result]) -> int:
        results.sort(key=_BY_OFFSET)
        offsets = [result.delivery.offset for result in results]
        count = len(offsets)
        if not self._drops_maps:
            count = progress.fitting(offsets, self._limits.now.metadata_bytes - 1)
        progress.finish(offsets[:count])
        return count

    def _fits(self, snapshot: Snapshot) -> bool:
        return len(snapshot.metadata) < self._limits.now.metadata_bytes

    def _offset(self, partition: int, snapshot: Snapshot) -> TopicPartition:
        metadata = snapshot.metadata if self._fits(snapshot) else ""
        return TopicPartition(self._input_topic, partition, snapshot.frontier, metadata)

    def _rejection(self, outcome: Outcome) -> Rejected | None:
        if isinstance(outcome, Rejected):
            return outcome
        for record in outcome.records:
            if self._is_too_large(record):
                return _rejected(record, self._limits.now.of(record.topic))
        return None

    def _records(self, result: Result, rejected: Rejected | None) -> Sequence[OutputRecord]:
        if rejected is None:
            assert isinstance(result.outcome, Finished)
            return result.outcome.records
        record = self._dead_letters.record(result.delivery, rejected)
        if self._is_too_large(record):
            raise Refused(
                f"the dead letter of {source_of(result.delivery)} takes {_size(record)} bytes, more than "
                f"max.message.bytes of {record.topic} ({self._limits.now.of(record.topic)}): raise it"
            )
        return (record,)

    def _is_too_large(self, record: OutputRecord) -> bool:
        return _size(record) > self._limits.now.of(record.topic)


def held_bytes(delivery: Delivery, outcome: Outcome | None = None) -> int:
    """Bytes of a record, and of what came out of it."""
    held = len(delivery.key or b"") + len(delivery.value or b"")
    if isinstance(outcome, Finished):
        for record in outcome.records:
            held += len(record.value or b"")
    return held


def _rejected(record: OutputRecord, limit_bytes: int) -> Rejected:
    now = datetime.now(UTC)
    message = f"{record.topic} takes records up to {limit_bytes} bytes, this one takes {_size(record)}"
    return Rejected(
        DeadLetterReason.OUTPUT_TOO_LARGE, message, "publish", event_id=None, attempts=1, first_at=now, last_at=now
    )


def _size(record: OutputRecord) -> int:
    size = FRAME_BYTES + len(record.key or b"") + len(record.value or b"")
    for name, value in record.headers:
        size += (len(name) if name.isascii() else len(name.encode())) + len(value or b"")
    return size
