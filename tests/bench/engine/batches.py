# SPDX-License-Identifier: Apache-2.0
"""The peer: what one writes without an engine. A batch, a pool of threads, one commit.

Tuned as well as the scheme allows: large fetch queues, one thread for each key of the batch (so that a key keeps its
order, as with us), outputs produced while the batch runs.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, Producer

from consumer.kafka.message import delivery_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Message

    from consumer.events import Delivery
    from consumer.observability.metrics import Metrics
    from consumer.settings import Settings
    from tests.bench.engine.stages import Stages

THREADS = 256
BATCH = 500
_POLL_S = 0.1
_FLUSH_S = 30.0


class Batches:
    """consume(500), 256 threads, one commit a batch; with `is_exact` outputs and offsets in one transaction."""

    def __init__(self, settings: Settings, stages: Stages, delay_s: float, *, is_exact: bool) -> None:
        servers = {"bootstrap.servers": settings.kafka.bootstrap_servers, "log_level": 0}
        group = settings.kafka.group_id
        self._consumer = Consumer(
            servers | {"group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        )
        transactional = {"transactional.id": f"{group}-{settings.kafka.slot}"} if is_exact else {}
        self._producer = Producer(servers | {"linger.ms": 5} | transactional)
        self._topic = settings.topics.events
        self._stages = stages
        self._delay_s = delay_s
        self._is_exact = is_exact
        self._stopped = threading.Event()

    def request_stop(self) -> None:
        self._stopped.set()

    def run(self, metrics: Metrics) -> None:
        """Until a stop is asked for."""
        if self._is_exact:
            self._producer.init_transactions(_FLUSH_S)
        self._consumer.subscribe([self._topic])
        with ThreadPoolExecutor(THREADS) as pool:
            while not self._stopped.is_set():
                messages = self._consumer.consume(BATCH, _POLL_S)
                if messages:
                    started_s = time.monotonic()
                    self._publish(pool, messages)
                    metrics.transaction_committed(time.monotonic() - started_s, len(messages))
        self._consumer.close()

    def _publish(self, pool: ThreadPoolExecutor, messages: Sequence[Message]) -> None:
        if self._is_exact:
            self._producer.begin_transaction()
        by_key: defaultdict[bytes | None, list[Delivery]] = defaultdict(list)
        for message in messages:
            delivery = delivery_of(message)
            by_key[delivery.key].append(delivery)
        list(pool.map(self._work, by_key.values()))
        if self._is_exact:
            member = self._consumer.consumer_group_metadata()
            self._producer.send_offsets_to_transaction(self._consumer.position(self._consumer.assignment()), member)
            self._producer.commit_transaction()
        else:
            self._producer.flush(_FLUSH_S)
            self._consumer.commit(asynchronous=False)

    def _work(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            time.sleep(self._delay_s)
            for record in self._stages(delivery).records:
                self._producer.produce(
                    record.topic,
                    value=record.value,
                    key=record.key,
                    partition=delivery.partition,
                    headers=list(record.headers),
                )
                self._producer.poll(0)
