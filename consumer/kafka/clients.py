# SPDX-License-Identifier: Apache-2.0
"""Kafka clients with the properties that the delivery guarantee and the memory bound rest on.

`kafka.properties` may set any other, for all clients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from consumer.kafka.topics import client_properties
from consumer.settings import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import KafkaError

    from consumer.kafka.broker import Limits
    from consumer.settings import Settings

Properties = dict[str, Any]

#: The broker ends an abandoned transaction up to this long after its timeout.
TRANSACTION_SWEEP_S = 10.0
_SLACK_S = 20.0

_MIN_POLL_INTERVAL_S = 120.0
_BATCH_BYTES = 1_000_000
_BATCH_HEAD_BYTES = 512


@dataclass(frozen=True, slots=True)
class Reports:
    """Who hears what the consumer says on the side; called on the owner thread, inside a poll."""

    error: Callable[[KafkaError], None]
    statistics: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Clients:
    """One member of the group, and how it gets a producer. Only the owner thread touches them."""

    consumer: Consumer
    open_producer: Callable[[], Producer]


def connect(settings: Settings, limits: Limits, reports: Reports) -> Clients:
    """Open the clients. They dial in the background; nothing here waits for the broker."""
    consumer = Consumer({**consumer_properties(settings), "error_cb": reports.error, "stats_cb": reports.statistics})
    return Clients(consumer, lambda: Producer(producer_properties(settings, limits)))


def connect_admin(settings: Settings) -> AdminClient:
    """A client for questions about the cluster. Keep the reference while it is in use."""
    return AdminClient(_common(settings))


def committed_wait_s(settings: Settings) -> float:
    """How long a previous owner's open transaction can hold back the committed offsets, with slack."""
    return settings.kafka.transaction_timeout_s + TRANSACTION_SWEEP_S + _SLACK_S


def consumer_properties(settings: Settings) -> Properties:
    """Properties of the group member."""
    kafka = settings.kafka
    # A rebalance may run the last transaction of the old assignment and then wait for the offsets of the new one.
    poll_interval_s = max(_MIN_POLL_INTERVAL_S, committed_wait_s(settings) + kafka.transaction_timeout_s + _SLACK_S)
    session_ms = _ms(kafka.session_timeout_s)
    return {
        "group.id": kafka.group_id,
        "auto.offset.reset": "error",  # a commit below the log's start must be seen, not jumped over
        "partition.assignment.strategy": "range",
        "session.timeout.ms": session_ms,
        "heartbeat.interval.ms": min(3_000, max(50, session_ms // 12)),
        "max.poll.interval.ms": max(_ms(poll_interval_s), session_ms),
        "queued.max.messages.kbytes": 16_384,
        "queued.min.messages": 2_000,
        "fetch.queue.backoff.ms": 50,  # with queues this small, the default of one second would starve the loop
        "statistics.interval.ms": 1_000,  # tells when a broker is back
        "allow.auto.create.topics": False,
        **_common(settings),
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # Also makes `committed()` wait for open transactions instead of answering with what they are about to replace.
        "isolation.level": "read_committed",
    }


def producer_properties(settings: Settings, limits: Limits) -> Properties:
    """Properties of the producer; transactional in `exactly_once`."""
    kafka, engine = settings.kafka, settings.engine
    properties: Properties = {
        "linger.ms": 5,
        "partitioner": "murmur2_random",
        # A whole transaction fits, or BufferError would come in its middle.
        "queue.buffering.max.messages": max(100_000, 8 * engine.slots),
        "message.max.bytes": limits.largest_message_bytes,
        # The broker judges the batch, not the record: many small records must not add up to more than a topic takes.
        "batch.size": max(1, min(_BATCH_BYTES, limits.smallest_message_bytes - _BATCH_HEAD_BYTES)),
        "allow.auto.create.topics": False,
        **_common(settings),
        "enable.idempotence": True,
    }
    if engine.delivery is Delivery.EXACTLY_ONCE:
        properties["transactional.id"] = f"{kafka.group_id}-{kafka.slot}"
        properties["transaction.timeout.ms"] = _ms(kafka.transaction_timeout_s)
    return properties


def is_incremental(settings: Settings) -> bool:
    """Whether the group protocol hands partitions over one by one instead of all at once."""
    properties = settings.kafka.properties
    strategy = properties.get("partition.assignment.strategy", "")
    return properties.get("group.protocol") == "consumer" or "cooperative" in strategy


def _common(settings: Settings) -> Properties:
    # librdkafka's own log is off: errors arrive as callbacks, messages and exceptions, and are logged by us.
    return {
        "client.id": f"{settings.kafka.group_id}-{settings.kafka.slot}",
        **client_properties(settings.kafka),
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
