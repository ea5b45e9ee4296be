# SPDX-License-Identifier: Apache-2.0
"""Raw records in, everything that was published out: the two ends of a flow test."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from PIL import Image, ImageDraw

from consumer.headers import last_value
from consumer.kafka.tail import Span, tail
from consumer.registry.bundled import BundledCodec
from consumer.settings import KafkaSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.events import Delivery
    from consumer.settings import TopicSettings
    from tests.support.consumer import RunningConsumer

PUBLISHED_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class InputRecord:
    """What a vendor's producer would send."""

    key: bytes | None
    value: bytes | None
    content_type: str | None = "application/json"
    partition: int = -1
    headers: tuple[tuple[str, bytes], ...] = ()


def upsert(sku: str, version: int = 1, **fields: Any) -> InputRecord:
    """A JSON event of vendor `acme`."""
    event = {
        "event_id": f"{sku}-{version}",
        "event_type": "UPSERT",
        "vendor_id": "acme",
        "sku": sku,
        "product_version": version,
        "occurred_at": "2026-11-01T10:00:00Z",
        "title": "Blue cotton shirt",
        "image_urls": [],
        "vendor_attributes": {},
    } | fields
    return InputRecord(f"acme:{sku}".encode(), json.dumps(event).encode())


def photo(colour: str = "navy", size: tuple[int, int] = (300, 400)) -> bytes:
    """A small drawn JPEG."""
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).rectangle((size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4), fill=colour)
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=90)
    return encoded.getvalue()


@dataclass(frozen=True, slots=True)
class Ends:
    """The two ends of one consumer's topics."""

    bootstrap_servers: str
    topics: TopicSettings

    def send(self, records: Iterable[InputRecord]) -> int:
        """Number of records that the broker has."""
        failures: list[object] = []
        # Idempotent: else a first batch that comes too early for a new topic is sent again behind the second.
        producer = Producer(
            {"bootstrap.servers": self.bootstrap_servers, "message.max.bytes": 8 << 20, "enable.idempotence": True}
        )
        sent = 0
        for record in records:
            headers: list[tuple[str, str | bytes | None]] = [*record.headers]
            if record.content_type:
                headers.append(("content-type", record.content_type.encode()))
            producer.produce(
                self.topics.events,
                record.value,
                record.key,
                partition=record.partition,
                headers=headers,
                on_delivery=lambda error, _: failures.append(error) if error else None,
            )
            producer.poll(0)
            sent += 1
        producer.flush(30)
        assert not failures
        return sent

    def read(self, topic: str) -> list[Delivery]:
        """Every committed record, in order per partition."""
        return list(tail(KafkaSettings(bootstrap_servers=self.bootstrap_servers), Span(topic)))

    def wait_for_outcomes(self, count: int, consumer: RunningConsumer, limit_s: float = PUBLISHED_LIMIT_S) -> None:
        """Return when attribute records and dead letters, committed ones, are at least `count`."""
        reader = Consumer(
            {"bootstrap.servers": self.bootstrap_servers, "group.id": "outcomes", "enable.auto.commit": False}
        )
        outcomes = (self.topics.attributes, self.topics.dead_letters)
        partitions = len(reader.list_topics(self.topics.attributes).topics[self.topics.attributes].partitions)
        reader.assign(
            [TopicPartition(topic, number, OFFSET_BEGINNING) for topic in outcomes for number in range(partitions)]
        )
        seen = 0
        deadline = time.monotonic() + limit_s
        try:
            while seen < count:
                assert consumer.process.poll() is None, consumer.log_tail()
                assert time.monotonic() < deadline, f"{seen} of {count} outcomes; the log says: {consumer.log_tail()}"
                seen += sum(message.error() is None for message in reader.consume(500, 0.2))
        finally:
            reader.close()

    def attributes(self) -> dict[str, dict[str, Any] | None]:
        """The last published record of each key; None for a tombstone."""
        codec = BundledCodec()
        return {
            (record.key or b"").decode(): None
            if record.value is None
            else codec.decode(record.value, record.headers).fields
            for record in self.read(self.topics.attributes)
        }

    def dead_letters(self) -> dict[str, list[Delivery]]:
        """Dead letters by reason."""
        found: dict[str, list[Delivery]] = {}
        for record in self.read(self.topics.dead_letters):
            found.setdefault(last_value(record.headers, "hangtag.error.reason") or "", []).append(record)
        return found
