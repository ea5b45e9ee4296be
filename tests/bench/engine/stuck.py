# SPDX-License-Identifier: Apache-2.0
"""How old events get while one of them is stuck: an open loop, so that waiting cannot hide in a slower sender.

An event's age runs from the moment for which it was scheduled to the one at which a reader of committed records has its
output.
"""

from __future__ import annotations

import statistics
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.bench.engine.measure import Process, plans
from tests.bench.engine.plan import STUCK_KEY, STUCK_S, Engine, Row
from tests.bench.engine.topics import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.settings import TopicSettings

EVENTS_PER_S = 2_000
#: Until group and caches have settled; the stuck event comes at its end.
WARM_UP_S = 5.0
LIMIT_S = 3 * (WARM_UP_S + STUCK_S)
ROW = Row(Engine.HANGTAG, 5, 5_000, 4_000, round(EVENTS_PER_S * (WARM_UP_S + STUCK_S)))


@dataclass(frozen=True, slots=True)
class Ages:
    """Of all events but the stuck one, after the warm-up."""

    median_ms: float
    p95_ms: float
    events: int


def measure_ages(servers: str, topics: TopicSettings, *, has_stuck: bool) -> Ages:
    """Send `ROW.events` events on schedule and read every output as it becomes visible."""
    (plan,) = plans(servers, topics, ROW)
    start_s = time.monotonic() + WARM_UP_S
    sender = threading.Thread(target=_send, args=(servers, topics.events, start_s), kwargs={"has_stuck": has_stuck})
    with Process(plan, threading.Condition()):
        sender.start()
        ages = [
            now_s - scheduled_s
            for now_s, scheduled_s in _outputs(servers, topics.attributes, start_s + LIMIT_S)
            if scheduled_s > start_s + WARM_UP_S
        ]
        sender.join()
    return Ages(statistics.median(ages) * 1000, statistics.quantiles(ages, n=20)[-1] * 1000, len(ages))


def _send(servers: str, topic: str, start_s: float, *, has_stuck: bool) -> None:
    producer = Producer({"bootstrap.servers": servers, "partitioner": "murmur2_random", "linger.ms": 1})
    for number in range(ROW.events):
        scheduled_s = start_s + number / EVENTS_PER_S
        time.sleep(max(0.0, scheduled_s - time.monotonic()))
        producer.produce(topic, key=b"key-%d" % (number % ROW.keys), value=b"%f" % scheduled_s)
        if has_stuck and number == round(WARM_UP_S * EVENTS_PER_S):
            producer.produce(topic, key=STUCK_KEY, value=b"stuck")
        producer.poll(0)
    producer.flush()


def _outputs(servers: str, topic: str, deadline_s: float) -> Iterator[tuple[float, float]]:
    reader = Consumer({"bootstrap.servers": servers, "group.id": "bench-ages", "enable.auto.commit": False})
    reader.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    left = ROW.events
    while left:
        messages = reader.consume(1_000, 0.01)
        now_s = time.monotonic()
        if now_s > deadline_s:
            raise RuntimeError(f"{left} of {ROW.events} outputs did not come")
        for message in messages:
            value = message.value()
            if value and value != b"stuck":
                left -= 1
                yield now_s, float(value)
    reader.close()
