# SPDX-License-Identifier: Apache-2.0
"""A member of a throw-away group with the real settings: what the brokers refuse a worker, they refuse it.

Its group is `<group>-doctor-<random>`, its transactional id `<group>-doctor-rehearsal`: neither the group at work nor a
slot of it notices. It reads at the end of the input and commits nothing. The brokers forget the group with its member,
and the id after `transactional.id.expiration.ms`, seven days by default; so it is always the same one.
"""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from consumer.errors import Fenced
from consumer.kafka.clients import consumer_properties, is_incremental, producer_properties
from consumer.kafka.faults import advice_for, fatal_for, kafka_error
from consumer.kafka.opening import opened
from consumer.kafka.waiting import within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from consumer.kafka.broker import Limits
    from consumer.settings import Settings

_POLL_S = 0.2

#: They may cover the real names and not the throw-away ones, so they say nothing about the worker.
_OF_NAMES = {KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED}
#: Fine for a loop that waits for better days; here they are findings.
_ADVICE = {
    KafkaError.UNKNOWN_TOPIC_OR_PART: "the input topic is not there: hangtag topics create",
    KafkaError.OFFSET_METADATA_TOO_LARGE: "raise the brokers' offset.metadata.max.bytes to 4096",
}
_PARTITION_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's own codes begin so


class Proof(StrEnum):
    """What trying has shown."""

    WORKS = "works"
    REFUSED = "refused"
    NOT_ALLOWED = "not_allowed"
    """The ACLs do not cover the throw-away names: nothing is shown."""
    DISTURBED = "disturbed"
    """Another rehearsal took the transactional id, or the broker gave the transaction up: nothing is shown."""
    NOT_TRIED = "not_tried"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt; `advice` names the setting to look at, where that is known."""

    proof: Proof
    words: str
    advice: str | None = None


class Rehearsal:
    """One throw-away member."""

    def __init__(self, settings: Settings, limits: Limits, timeout_s: float) -> None:
        """`timeout_s` is for each attempt. Raises SettingsInvalid for properties that the client refuses."""
        self._settings = settings
        self._limits = limits
        self._timeout_s = timeout_s
        group_id = f"{throw_away_prefix(settings)}{uuid.uuid4().hex[:8]}"
        # The end of a partition proves that it can be read.
        throw_away = {"group.id": group_id, "enable.partition.eof": True}
        self._consumer = opened(Consumer, {**consumer_properties(settings), **throw_away})
        self._producer: Producer | None = None
        self._is_assigned = False

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def join(self) -> Outcome:
        """Join the group and read the input at its end."""
        self._consumer.subscribe([self._settings.topics.events], on_assign=self._on_assign)
        last = "no answer"
        deadline_s = time.monotonic() + self._timeout_s
        while time.monotonic() < deadline_s:
            message = self._consumer.poll(_POLL_S)
            if message is None:
                continue
            error = message.error()
            if error is None or error.code() == _PARTITION_EOF:
                return Outcome(Proof.WORKS, "joined a throw-away group and read at the end of the input")
            if (refused := _refused(error)) is not None:
                return refused
            last = _words(error)
        what = "joined, but could not read the input" if self._is_assigned else "could not join a throw-away group"
        return Outcome(Proof.NO_ANSWER, f"{what} within {self._timeout_s:g} s ({last})")

    def transact(self) -> Outcome:
        """An empty transaction."""
        throw_away = {"transactional.id": f"{throw_away_prefix(self._settings)}rehearsal"}
        producer = opened(Producer, {**producer_properties(self._settings, self._limits), **throw_away})
        outcome = self._attempt(lambda: self._commit_nothing(producer), "an empty transaction was committed")
        if outcome.proof is Proof.WORKS:
            self._producer = producer
        return outcome

    def store_offsets(self) -> Outcome:
        """A transaction with as much offset metadata as the limits allow, which is aborted."""
        producer = self._producer
        if producer is None:
            return Outcome(Proof.NOT_TRIED, "not tried: there are no transactions")
        if not self._is_assigned:
            return Outcome(Proof.NOT_TRIED, "not tried: there is no group to store offsets for")
        metadata_bytes = self._limits.metadata_bytes - 1  # the brokers' limit is exclusive
        done = f"offsets with {metadata_bytes:,} bytes of metadata were taken, and taken back"
        return self._attempt(lambda: self._store_and_abort(producer, metadata_bytes), done)

    def _commit_nothing(self, producer: Producer) -> None:
        producer.init_transactions(self._timeout_s)
        producer.begin_transaction()
        producer.commit_transaction(self._timeout_s)

    def _store_and_abort(self, producer: Producer, metadata_bytes: int) -> None:
        offset = TopicPartition(self._settings.topics.events, 0, 0, metadata="x" * metadata_bytes)
        member = self._consumer.consumer_group_metadata()
        producer.begin_transaction()
        try:
            within(self._timeout_s, lambda: producer.send_offsets_to_transaction([offset], member))
        except KafkaException:
            with suppress(KafkaException):  # it follows from the first error, which says more
                producer.abort_transaction(self._timeout_s)
            raise
        producer.abort_transaction(self._timeout_s)

    def _attempt(self, attempt: Callable[[], None], done: str) -> Outcome:
        try:
            attempt()
        except TimeoutError:
            return Outcome(Proof.NO_ANSWER, f"the client did not come back within {self._timeout_s:g} s")
        except KafkaException as exception:
            error = kafka_error(exception)
            if isinstance(fatal_for(error), Fenced):
                return Outcome(Proof.DISTURBED, _words(error))
            return _refused(error) or Outcome(Proof.NO_ANSWER, _words(error))
        return Outcome(Proof.WORKS, done)

    def _on_assign(self, consumer: Consumer, given: Sequence[TopicPartition]) -> None:
        self._is_assigned = True
        ends = [TopicPartition(partition.topic, partition.partition, OFFSET_END) for partition in given]
        if is_incremental(self._settings):
            consumer.incremental_assign(ends)
        else:
            consumer.assign(ends)


@contextmanager
def rehearsal(settings: Settings, limits: Limits, timeout_s: float) -> Iterator[Rehearsal]:
    """A throw-away member for the length of the block."""
    member = Rehearsal(settings, limits, timeout_s)
    try:
        yield member
    finally:
        member.close()


def throw_away_prefix(settings: Settings) -> str:
    """What throw-away groups and transactional ids begin with: ACLs may name it."""
    return f"{settings.kafka.group_id}-doctor-"


def _refused(error: KafkaError) -> Outcome | None:
    if error.code() in _OF_NAMES:
        return Outcome(Proof.NOT_ALLOWED, _words(error))
    advice = advice_for(error) or _ADVICE.get(error.code())
    if advice is None and fatal_for(error) is None:
        return None
    return Outcome(Proof.REFUSED, _words(error), advice)


def _words(error: KafkaError) -> str:
    return f"{error.name()}: {error.str()}"
