# SPDX-License-Identifier: Apache-2.0
"""Our partitions: given with the committed offsets, taken back after a last transaction, or lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from consumer.errors import Refused, StaleGeneration
from consumer.kafka import bitmap
from consumer.kafka.clients import is_incremental
from consumer.kafka.faults import fatal_for, is_outage, kafka_error
from consumer.kafka.progress import Progress
from consumer.settings import QUESTION_S, InputLost, Start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from consumer.kafka.waiting import KeepWaiting
    from consumer.kafka.watch import GroupWatch
    from consumer.settings import Settings

log = structlog.get_logger()

T = TypeVar("T")


class Assignment:
    """One open `Progress` per partition that is ours. Owner thread only: the group calls back inside `consume`."""

    def __init__(
        self,
        consumer: Consumer,
        settings: Settings,
        watch: GroupWatch,
        keep_waiting: KeepWaiting,
        require_partners: Callable[[int], None],
    ) -> None:
        """`require_partners` raises Refused when an output has fewer partitions than that.

        It must not ask through the consumer: `list_topics` within a callback of `consume` takes the client's state of
        that call away, and its next callback aborts the process (confluent-kafka 2.16, CallState_get).
        """
        self._consumer = consumer
        self._require_partners = require_partners
        self._topic = settings.topics.events
        self._start = settings.kafka.start
        self.skips_lost_input = settings.kafka.input_lost is InputLost.SKIP
        self._is_incremental = is_incremental(settings)
        self._committed_wait_s = settings.kafka.committed_wait_s
        self._answers_by_s = 0.0
        self._watch = watch
        self._keep_waiting = keep_waiting
        self._open: dict[int, Progress] = {}
        self._is_leaving = False
        self._before_revoke: Callable[[], None] = _nothing
        self._after_assign: Callable[[], None] = _nothing

    def __iter__(self) -> Iterator[Progress]:
        return iter(self._open.values())

    def __len__(self) -> int:
        return len(self._open)

    def of(self, partition: int) -> Progress | None:
        """The progress of a partition that is ours."""
        return self._open.get(partition)

    def subscribe(self, *, before_revoke: Callable[[], None], after_assign: Callable[[], None]) -> None:
        """Join the group. `before_revoke` publishes what is finished; `after_assign` pauses again where needed."""
        self._before_revoke, self._after_assign = before_revoke, after_assign
        self._watch.unassigned()
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def partitions(self, of: Iterable[Progress] | None = None) -> list[TopicPartition]:
        """These partitions, or all that are ours, as the client wants them."""
        return [TopicPartition(self._topic, progress.partition) for progress in (self if of is None else of)]

    def leave(self) -> None:
        """Close the consumer, which leaves the group. What is ours is published once more, nothing new begins."""
        self._is_leaving = True
        self._consumer.close()

    def close(self) -> None:
        """Nothing is ours any more; what finishes from now on is thrown away, and a revoke publishes nothing."""
        self._before_revoke = self._after_assign = _nothing
        for progress in self._open.values():
            progress.close()
        self._open.clear()

    def _on_assign(self, _: Consumer, given: Sequence[TopicPartition]) -> None:
        if self._is_leaving:
            # The group moved while we go. The client answers no question any more; what it is given it takes by itself,
            # and gives back.
            return
        # For all questions together: no poll comes in between.
        self._answers_by_s = time.monotonic() + self._committed_wait_s
        if given:  # what was added to the input alone is told now, not by its first record
            needed = 1 + max(partition.partition for partition in given)
            self._ask("waiting_for_output_partitions", lambda: self._require_partners(needed))
        committed = self._committed(given)
        starts = [self._begin(partition) for partition in committed]
        # Named offsets: the client must not look them up a second time and find others.
        if self._is_incremental:
            self._consumer.incremental_assign(starts)
        else:
            self._consumer.assign(starts)
        self._watch.assigned()
        self._after_assign()
        log.info("partitions_assigned", partitions={start.partition: start.offset for start in starts})

    def _on_revoke(self, _: Consumer, taken: Sequence[TopicPartition]) -> None:
        self._before_revoke()
        self._give_up(taken, "partitions_revoked")

    def _on_lost(self, _: Consumer, taken: Sequence[TopicPartition]) -> None:
        # No transaction: they belong to somebody else already.
        self._give_up(taken, "partitions_lost")

    def _give_up(self, taken: Sequence[TopicPartition], event: str) -> None:
        for partition in taken:
            if (progress := self._open.pop(partition.partition, None)) is not None:
                progress.close()
        if self._is_incremental:
            self._consumer.incremental_unassign(list(taken))
        else:
            self._consumer.unassign()
        numbers = [partition.partition for partition in taken]
        self._watch.gave_up(numbers)
        if not self._open:
            self._watch.unassigned()
        log.info(event, partitions=numbers)

    def _begin(self, committed: TopicPartition) -> TopicPartition:
        number, offset = committed.partition, committed.offset
        if offset >= 0:
            finished = self._finished(committed)
            if self.skips_lost_input:
                offset = self._first_left(number, offset)
            progress = Progress(number, offset, [done for done in finished if done >= offset])
            if offset == committed.offset:
                progress.committed = progress.snapshot()
        elif self._start is Start.LATEST:
            # A fixed number, committed with the first transaction: else a restart would skip what came meanwhile.
            _, offset = self._watermarks(number)
            progress = Progress(number, offset)
        else:
            offset = OFFSET_BEGINNING
            progress = Progress(number)
        self._open[number] = progress
        return TopicPartition(self._topic, number, offset)

    def _finished(self, committed: TopicPartition) -> set[int]:
        try:
            return bitmap.decode(committed.offset, committed.metadata)
        except bitmap.ForeignMetadata as error:
            self._watch.foreign_metadata(committed.partition, str(error))
            return set()

    def _committed(self, given: Sequence[TopicPartition]) -> list[TopicPartition]:
        wanted = [TopicPartition(self._topic, partition.partition) for partition in given]
        if not wanted:
            return []
        answers = self._ask(
            "waiting_for_committed_offsets", lambda: self._consumer.committed(wanted, timeout=QUESTION_S)
        )
        for answer in answers:
            if answer.error is not None:
                raise StaleGeneration(f"no committed offset of partition {answer.partition}: {answer.error.str()}")
        return answers

    def _first_left(self, number: int, committed: int) -> int:
        """The first offset from the committed one on whose record may still be there."""
        start, end = self._watermarks(number)
        if committed > end:
            raise Refused(
                f"the group's commit of {self._topic}/{number} is {committed}, beyond the end of its log ({end}): "
                "the log was cut or made anew, or somebody else committed; set the group's offset"
            )
        if start > committed:
            log.warning("lost_input_skipped", partition=number, committed=committed, log_start=start)
        return max(start, committed)

    def _watermarks(self, number: int) -> tuple[int, int]:
        """Start and end of the partition's log."""
        partition = TopicPartition(self._topic, number)
        return self._ask(
            "waiting_for_log_ends", lambda: self._consumer.get_watermark_offsets(partition, timeout=QUESTION_S)
        )

    def _ask(self, event: str, question: Callable[[], T]) -> T:
        """The broker's answer; waits while a previous owner's transaction is open. Never starts from a guess.

        `event` is what the log calls the wait.
        """
        while True:
            try:
                return question()
            except KafkaException as exception:
                error = kafka_error(exception)
                if (fatal := fatal_for(error)) is not None:
                    raise fatal from exception
                if not is_outage(error) or time.monotonic() > self._answers_by_s:
                    raise StaleGeneration(f"{event} without end ({error.name()}: {error.str()})") from exception
                log.info(event, error=error.name())
                self._keep_waiting()


def _nothing() -> None:
    """Nobody wants to know."""
