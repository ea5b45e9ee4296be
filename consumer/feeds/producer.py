# SPDX-License-Identifier: Apache-2.0
"""Sends product events to where every other producer would put them, and says of each whether the broker has it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Self

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from consumer.headers import CloudEvent, cloud_event_headers
from consumer.kafka.opening import Properties, client_properties, opened
from consumer.kafka.topics import EVENT_BYTES, ask_metadata, wait_for_leaders
from consumer.registry.files import Subject
from consumer.registry.records import record_fields

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from confluent_kafka import Message

    from consumer.events import ProductEvent
    from consumer.registry.codec import Codec
    from consumer.settings import KafkaSettings

#: An absent topic is told from one that was created a moment ago.
_LEADERS_LIMIT_S = 5.0
#: An event that the broker does not take for so long ends the push.
_DELIVERY_LIMIT_S = 60.0
_POLL_S = 0.1

_EVENT_TYPE = "org.hangtag.product.event.v1"
_EVENT_SOURCE = "hangtag/feed"

#: Larger batches wake librdkafka's threads less often; nobody waits for a single event.
_LINGER_MS = 50
#: Events between two looks for delivery reports.
_POLL_EVENTS = 64

#: Memory is this queue's, whatever the size of the feed.
_QUEUE_KIB = 32 << 10
_QUEUE_EVENTS = 10_000


class EventProducer:
    """Encodes and sends product events. A `with` block waits at its end until the broker has them all, or gave up."""

    def __init__(self, kafka: KafkaSettings, topic: str, codec: Codec, timeout_s: float = 30) -> None:
        """Raises BrokerUnavailable when nobody answers, or the topic's partitions have no leaders."""
        self._topic = topic
        self._codec = codec
        self._producer = opened(Producer, _properties(kafka))
        self._sent = 0
        self.failure: KafkaError | None = None
        """The first reason why the broker did not take an event that it should have taken."""
        ask_metadata(self._producer, kafka, timeout_s)
        # The partitioner takes the hash modulo the partitions it knows of: with some missing a key would go elsewhere.
        wait_for_leaders(self._producer, {topic: None}, min(timeout_s, _LEADERS_LIMIT_S))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None or self.failure is not None:
            self._producer.purge()
        while self._producer.flush(_POLL_S):
            pass  # in short turns, so that Ctrl-C is heard

    def send(self, event: ProductEvent, delivered: Callable[[KafkaError | None], None]) -> None:
        """Queue one event; `delivered` is called later, from this thread, with None or with why it was refused."""
        value = self._codec.encode(Subject.PRODUCT_EVENTS, record_fields(event))
        try:
            self._produce(event, value, delivered)
        except KafkaException as error:
            self._report(delivered, error.args[0], None)
        self._sent += 1
        if self._sent % _POLL_EVENTS == 0:
            self._producer.poll(0)

    def _produce(self, event: ProductEvent, value: bytes, delivered: Callable[[KafkaError | None], None]) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    key=event.key.encode(),
                    value=value,
                    headers=list(cloud_event_headers(_cloud_event(event))),
                    on_delivery=partial(self._report, delivered),
                )
            except BufferError:
                self._producer.poll(_POLL_S)
            else:
                return

    def _report(
        self, delivered: Callable[[KafkaError | None], None], error: KafkaError | None, _message: Message | None
    ) -> None:
        if error is not None and error.code() != KafkaError.MSG_SIZE_TOO_LARGE and self.failure is None:
            self.failure = error
        delivered(error)


def cluster_id(kafka: KafkaSettings, timeout_s: float) -> str:
    """The cluster's own name of itself, which outlives its addresses. Raises BrokerUnavailable when nobody answers."""
    return str(ask_metadata(opened(AdminClient, client_properties(kafka)), kafka, timeout_s).cluster_id)


def _properties(kafka: KafkaSettings) -> Properties:
    return {
        "compression.type": "lz4",
        "linger.ms": _LINGER_MS,
        "queue.buffering.max.kbytes": _QUEUE_KIB,
        "queue.buffering.max.messages": _QUEUE_EVENTS,
        "message.timeout.ms": int(_DELIVERY_LIMIT_S * 1000),
        **client_properties(kafka),
        # As Java's default, so that a key lies where every other producer puts it; librdkafka's own is another hash.
        "partitioner": "murmur2_random",
        "enable.idempotence": True,
        "message.max.bytes": EVENT_BYTES,
    }


def _cloud_event(event: ProductEvent) -> CloudEvent:
    return CloudEvent(
        id=event.event_id,
        source=_EVENT_SOURCE,
        type=_EVENT_TYPE,
        time=datetime.now(UTC),
        subject=event.key,
        product_version=event.product_version,
    )
