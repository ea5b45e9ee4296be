# SPDX-License-Identifier: Apache-2.0
"""What the owner thread does, turn by turn. It does no slow work and waits for nothing without a deadline.

consume ──> admit: reserve a slot and bytes ──> chains on the event loop ──> collect ──> outbox ──> transaction
^                                                                                                     │
└──────────────────────────── room: slots and bytes that are not held <───────────────────────────────┘
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from queue import Empty
from typing import TYPE_CHECKING

import structlog

from consumer.errors import StaleGeneration
from consumer.kafka.chains import Work
from consumer.kafka.faults import Notice
from consumer.kafka.message import delivery_of
from consumer.kafka.outbox import Result, held_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Consumer, KafkaError, Message

    from consumer.kafka.assignment import Assignment
    from consumer.kafka.chains import Chains, Done
    from consumer.kafka.dead_letter import DeadLetterLimit
    from consumer.kafka.intake import Intake
    from consumer.kafka.outbox import Outbox
    from consumer.kafka.progress import Progress
    from consumer.kafka.publication import Publication
    from consumer.kafka.second_opinion import SecondOpinion
    from consumer.kafka.valve import Valve
    from consumer.kafka.vitals import Vitals
    from consumer.kafka.watch import GroupWatch
    from consumer.observability.metrics import Metrics

log = structlog.get_logger()

_CONSUME_AT_MOST = 500
_CONSUME_S = 0.02
#: Results wait, or nothing can come: look at the chains again soon.
_CONSUME_BRIEFLY_S = 0.005
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Parts:
    """Who works together on the owner thread."""

    consumer: Consumer
    chains: Chains
    assignment: Assignment
    intake: Intake
    valve: Valve
    outbox: Outbox
    publication: Publication
    limit: DeadLetterLimit
    watch: GroupWatch
    second_opinion: SecondOpinion
    vitals: Vitals
    metrics: Metrics


class Owner:
    """One member of the group at work. Every method runs on the owner thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._look_at_s = 0.0

    def start(self) -> None:
        """Join the group."""
        self._parts.assignment.subscribe(before_revoke=self._before_revoke, after_assign=self._parts.valve.after_assign)

    def turn(self) -> None:
        """Once around. Raises Fatal, and whatever a chain failed with."""
        self._parts.vitals.turned()
        self._collect()
        self._parts.valve.steer()
        self._admit(self._consume())
        if self._parts.publication.is_due():
            self._publish()
        if time.monotonic() >= self._look_at_s:
            self._look_around()

    def drain(self, deadline_s: float) -> None:
        """Take nothing in any more, let what runs end until the deadline, and publish it."""
        parts = self._parts
        parts.vitals.obstacle("intake", "the process is stopping")
        parts.valve.stop()
        while parts.intake.held > len(parts.outbox) and time.monotonic() < deadline_s:
            self.turn()
        while len(parts.outbox) and time.monotonic() < deadline_s:
            self.turn()
        self._collect()
        self._publish()
        log.info("drained", unfinished=parts.intake.held)

    def give_up(self) -> None:
        """Publish nothing any more: another member, or the next start, will do it again."""
        self._parts.assignment.close()

    def _consume(self) -> Sequence[Message]:
        parts = self._parts
        if parts.valve.is_shut:
            # Still polls: callbacks and the poll interval live here.
            return parts.consumer.consume(1, _CONSUME_BRIEFLY_S)
        room = parts.intake.room()
        if not room:
            self._collect_one()
            return ()
        timeout_s = _CONSUME_BRIEFLY_S if len(parts.outbox) else _CONSUME_S
        return parts.consumer.consume(min(_CONSUME_AT_MOST, room), timeout_s)

    def _admit(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        parts = self._parts
        now_s = time.monotonic()
        batch: list[Work] = []
        for message in messages:
            if (error := message.error()) is not None:
                self._heed(error, message)
            elif parts.valve.is_stopped:
                continue  # never seen, so never committed: the next start reads it again
            elif (work := self._work(message, now_s)) is not None:
                batch.append(work)
        if batch:
            parts.chains.submit(batch)

    def _work(self, message: Message, now_s: float) -> Work | None:
        parts = self._parts
        delivery = delivery_of(message)
        progress = parts.assignment.of(delivery.partition)
        if progress is None:  # fetched before the partition went away
            return None
        if not progress.admit(delivery.offset, now_s):
            parts.metrics.already_done()
            return None
        return Work(progress, delivery, parts.intake.reserve(held_bytes(delivery)))

    def _collect(self) -> None:
        finished = self._parts.chains.finished
        for _ in range(finished.qsize()):  # this thread is the only one that takes
            self._take(finished.get_nowait())

    def _collect_one(self) -> None:
        try:
            self._take(self._parts.chains.finished.get(timeout=_CONSUME_BRIEFLY_S))
        except Empty:
            return

    def _take(self, done: Done) -> None:
        intake, work = self._parts.intake, done.work
        if done.error is not None:
            raise done.error
        if done.outcome is None or work.progress.is_closed:
            intake.release(work.reserved_bytes)
            return
        # The pictures are gone; what is held now is the record and what came out of it.
        real_bytes = intake.correct(work.reserved_bytes, held_bytes(work.delivery, done.outcome))
        self._parts.outbox.add(Result(work.progress, work.delivery, done.outcome, real_bytes))

    def _publish(self) -> None:
        parts = self._parts
        self._release(parts.outbox.drop_closed())
        if not parts.watch.is_reachable:
            return  # results wait; a transaction begun now might never end
        if parts.watch.take_outage():
            # A producer that was cut off from its coordinator may hang in its next transaction (librdkafka#5511).
            parts.publication.renew()
        prepared = parts.publication.publish()
        if prepared is None:
            return
        self._release([result for result, _ in prepared.results])
        parts.limit.saw([rejected is not None for _, rejected in prepared.results])
        if parts.limit.reason is not None and not parts.valve.is_stopped:
            log.error("intake_stopped", reason=parts.limit.reason)
            parts.vitals.obstacle("intake", f"intake stopped: {parts.limit.reason}")
            parts.valve.stop()
        for progress, snapshot in prepared.snapshots:
            parts.valve.judge_bitmap(progress, parts.outbox.bitmap_share(snapshot))

    def _release(self, results: Sequence[Result]) -> None:
        self._parts.intake.release(sum([result.held_bytes for result in results]), len(results))

    def _before_revoke(self) -> None:
        self._collect()
        self._publish()

    def _heed(self, error: KafkaError, message: Message) -> None:
        notice = self._parts.watch.heed(error)
        if notice is Notice.INPUT_LOST:
            what = f"records of {message.topic()}/{message.partition()} were deleted before they were read"
            log.error("input_lost", partition=message.partition(), error=error.str())
            if self._parts.assignment.skips_lost_input:
                raise StaleGeneration(f"{what}: a fresh start skips to what is left")
            self._parts.watch.lost_input(
                message.partition(), f"{what}; start again with kafka.input_lost=skip to go on without them"
            )

    def _look_around(self) -> None:
        parts = self._parts
        now_s = time.monotonic()
        self._look_at_s = now_s + _LOOK_EVERY_S
        parts.watch.check()
        parts.second_opinion.check(is_reachable=parts.watch.is_reachable)
        parts.metrics.held(parts.intake.held, parts.intake.held_bytes, parts.chains.eligible_keys)
        oldest = [progress.oldest_at_s for progress in parts.assignment if progress.oldest_at_s is not None]
        parts.metrics.oldest_unfinished(now_s - min(oldest) if oldest else 0.0)
        for progress in parts.assignment:
            self._measure_lag(progress)

    def _measure_lag(self, progress: Progress) -> None:
        # From the position: a commit stays one marker below the end of a transactional input for ever.
        end = self._parts.watch.end_offsets.get(progress.partition)
        if end is not None and progress.position is not None:
            self._parts.metrics.lag(progress.partition, max(0, end - progress.position))
