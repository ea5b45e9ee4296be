# SPDX-License-Identifier: Apache-2.0
"""Reads a topic outside of any group: to the end as it was at the start, or on and on. Only committed records."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from consumer.errors import BrokerUnavailable, Refused
from consumer.kafka.message import delivery_of
from consumer.kafka.opening import client_properties, opened
from consumer.kafka.topics import ask_metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from confluent_kafka import Message

    from consumer.events import Delivery
    from consumer.settings import KafkaSettings

_POLL_S = 0.1
_RECORDS_PER_POLL = 500

#: How long a transaction that is open at the end may take to end; a live one takes a tenth of a second.
_OPEN_TRANSACTION_S = 5.0

# librdkafka's own codes begin with an underscore.
_PARTITION_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001
#: Right after a creation a broker may not know yet that it leads a partition, though metadata says so.
_SETTLING = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}
_REFUSALS = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
}


@dataclass(frozen=True, slots=True)
class Span:
    """What to read of a topic; `key` None takes every record, `limit` None has no end of its own."""

    topic: str
    key: str | None = None
    is_from_beginning: bool = True
    limit: int | None = None
    is_following: bool = False


def tail(kafka: KafkaSettings, span: Span, timeout_s: float = 30) -> Generator[Delivery]:
    """Records of a topic, in order per partition, until each partition reached the end it had at the start.

    Raises BrokerUnavailable when nothing comes for `timeout_s` although an end is not reached, Refused when the broker
    says no. Close the iterator, or use it up.
    """
    offsets = _Offsets(kafka, span.topic, timeout_s)
    ends = offsets.ends()
    consumer = opened(
        Consumer,
        {
            **client_properties(kafka),
            "group.id": f"{kafka.group_id}-tail",  # librdkafka wants one; nothing joins or commits
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
        },
    )
    try:
        consumer.assign(
            [
                TopicPartition(span.topic, number, OFFSET_BEGINNING if span.is_from_beginning else end)
                for number, end in ends.items()
            ]
        )
        deliveries = _follow(consumer) if span.is_following else _read(consumer, _Unread(ends), offsets)
        wanted = None if span.key is None else span.key.encode()
        yield from islice((each for each in deliveries if wanted in {None, each.key}), span.limit)
    finally:
        consumer.close()


@dataclass(slots=True)
class _Unread:
    """The partitions that are not read to their ends, and since when they wait for an open transaction."""

    ends: dict[int, int]
    waiting_since: dict[int, float] = field(default_factory=dict)

    def take(self, partition: int, offset: int) -> bool:
        """Whether a record is wanted: it lies before the end. Reading it is progress."""
        end = self.ends.get(partition, 0)
        self.waiting_since.pop(partition, None)
        if offset + 1 >= end:
            self.ends.pop(partition, None)
        return offset < end

    def reached(self, partition: int, position: int) -> None:
        """The broker has no more for now. Short of the end, a transaction is open."""
        if position >= self.ends.get(partition, 0):
            self.ends.pop(partition, None)
        else:
            self.waiting_since.setdefault(partition, time.monotonic())

    def give_up_waiting(self, committed_ends: Callable[[], dict[int, int]]) -> None:
        """What a worker that died left open does not stop the reader: that part is not committed.

        A broker that is only slow is waited for: there, the committed end is not short of ours.
        """
        latest = time.monotonic() - _OPEN_TRANSACTION_S
        overdue = [partition for partition, since in self.waiting_since.items() if since < latest]
        if not overdue:
            return
        committed = committed_ends()
        for partition in overdue:
            del self.waiting_since[partition]
            if committed[partition] < self.ends.get(partition, 0):
                self.ends.pop(partition)


def _read(consumer: Consumer, unread: _Unread, offsets: _Offsets) -> Iterator[Delivery]:
    timeout_s = offsets.timeout_s
    deadline = time.monotonic() + timeout_s
    while unread.ends:
        for message in consumer.consume(_RECORDS_PER_POLL, _POLL_S):
            if _is_record(message):
                deadline = time.monotonic() + timeout_s
                delivery = delivery_of(message)
                if unread.take(delivery.partition, delivery.offset):
                    yield delivery
            elif message.error() == _PARTITION_EOF:
                unread.reached(cast("int", message.partition()), cast("int", message.offset()))
        unread.give_up_waiting(offsets.committed_ends)
        if time.monotonic() > deadline:
            raise BrokerUnavailable(f"no record came for {timeout_s:g} s, and the end is not reached")


def _follow(consumer: Consumer) -> Iterator[Delivery]:
    while True:
        yield from map(delivery_of, filter(_is_record, consumer.consume(_RECORDS_PER_POLL, _POLL_S)))


class _Offsets:
    """Where the partitions of a topic end, as the broker says now."""

    def __init__(self, kafka: KafkaSettings, topic: str, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._topic = topic
        self._admin = opened(AdminClient, client_properties(kafka))
        metadata = ask_metadata(self._admin, kafka, timeout_s).topics.get(topic)
        if metadata is None or not metadata.partitions:
            raise Refused(
                f"there is no topic {topic!r} at {kafka.bootstrap_servers}; `hangtag topics create` makes ours"
            )
        self._partitions = tuple(metadata.partitions)

    def ends(self) -> dict[int, int]:
        """Offset after the last record of each partition, records of open transactions included.

        The commit of a transaction is answered a moment before its records may be read: the committed end would miss
        them.
        """
        return self._ask(IsolationLevel.READ_UNCOMMITTED)

    def committed_ends(self) -> dict[int, int]:
        """Offset up to which each partition can be read: where its oldest open transaction begins, or the end."""
        return self._ask(IsolationLevel.READ_COMMITTED)

    def _ask(self, isolation: IsolationLevel) -> dict[int, int]:
        latest = {TopicPartition(self._topic, number): OffsetSpec.latest() for number in self._partitions}  # type: ignore[no-untyped-call]
        deadline = time.monotonic() + self.timeout_s
        while True:
            asked = self._admin.list_offsets(latest, isolation_level=isolation, request_timeout=self.timeout_s)
            try:
                return {partition.partition: future.result().offset for partition, future in asked.items()}
            except KafkaException as error:
                if error.args[0].code() not in _SETTLING or time.monotonic() > deadline:
                    message = f"the broker does not say where {self._topic} ends: {error.args[0].str()}"
                    raise BrokerUnavailable(message) from error
                time.sleep(_POLL_S)


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is not None and error.code() in _REFUSALS:
        raise Refused(f"cannot read {message.topic()}: {error.str()}")
    return error is None
