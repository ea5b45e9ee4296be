# SPDX-License-Identifier: Apache-2.0
"""The input of a row, and the look at what came out of it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from consumer.headers import SOURCE, last_value
from consumer.kafka.message import delivery_of
from consumer.registry.bundled import BundledCodec
from consumer.registry.files import Subject
from consumer.registry.records import record_fields
from tests.bench.engine.plan import Work
from tests.bench.product import EVENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.engine.plan import Row

PARTITIONS = 4
_ECHO_BYTES = 200
#: So long that the encoded event takes 2 kB.
_DESCRIPTION = "A shirt for every day of the week, and for those that are none. " * 26
_READ_AT_ONCE = 10_000
_FLUSH_S = 60.0


def write_input(servers: str, topic: str, row: Row) -> None:
    """All of the row's events, each key drawn by chance, before anybody reads them."""
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 50,
            "queue.buffering.max.messages": 200_000,
        }
    )
    for key, value in _events(row):
        while True:
            try:
                producer.produce(topic, value=value, key=key)
            except BufferError:
                producer.poll(0.1)
            else:
                break
    if left := producer.flush(_FLUSH_S):
        raise RuntimeError(f"{left} events of the input were not delivered")


def check_output(servers: str, topic: str, row: Row) -> None:
    """Raises RuntimeError unless every event came out once and every key in order. Aborted outputs do not count."""
    seen: set[str] = set()
    last: dict[bytes | None, int] = {}
    for key, source in _sources(servers, topic):
        offset = int(source.rpartition("/")[2])
        if source in seen or offset <= last.get(key, -1):
            raise RuntimeError(f"{row.name}: {source} came twice or out of order")
        seen.add(source)
        last[key] = offset
    if len(seen) != row.events:
        raise RuntimeError(f"{row.name}: {len(seen)} of {row.events} events came out")


def _events(row: Row) -> Iterator[tuple[bytes, bytes]]:
    chance = random.Random(7)
    codec = BundledCodec()
    for number in range(row.events):
        key = chance.randrange(row.keys)
        if row.work is not Work.PRODUCT:
            yield b"key-%d" % key, (b"%d " % number).ljust(_ECHO_BYTES, b".")
            continue
        event = replace(EVENT, event_id=f"e-{number}", sku=str(key), product_version=number, description=_DESCRIPTION)
        yield event.key.encode(), codec.encode(Subject.PRODUCT_EVENTS, record_fields(event))


def _sources(servers: str, topic: str) -> Iterator[tuple[bytes | None, str]]:
    reader = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "bench-check",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    reader.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    still_open = PARTITIONS
    while still_open:
        for message in reader.consume(_READ_AT_ONCE, 1):
            error = message.error()
            if error is None:
                yield message.key(), last_value(delivery_of(message).headers, SOURCE) or ""
            elif error.code() == KafkaError._PARTITION_EOF:  # librdkafka's own codes begin so
                still_open -= 1
            else:
                raise RuntimeError(error.str())
    reader.close()
