# SPDX-License-Identifier: Apache-2.0
"""`at_least_once`, for brokers without transactions: outputs first, offsets when every one of them is delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from consumer.kafka.faults import fatal_for, kafka_error
from consumer.kafka.publishing import NotPublished
from consumer.kafka.transaction import produce
from consumer.kafka.waiting import insist

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

    from consumer.kafka.clients import Clients
    from consumer.kafka.publishing import Batch
    from consumer.kafka.waiting import KeepWaiting

_FLUSH_S = 5.0


class Flushes:
    """Publishes through a plain producer. A crash between outputs and offsets repeats outputs, never loses any."""

    def __init__(self, clients: Clients, keep_waiting: KeepWaiting, *, works_on: bool) -> None:
        """`works_on`: members keep their partitions while the group moves, as incremental protocols have it."""
        self._works_on = works_on
        self._open_producer = clients.open_producer
        self._consumer = clients.consumer
        self._keep_waiting = keep_waiting

    def start(self) -> None:
        """Open a fresh producer; nothing to wait for."""
        self._producer = self._open_producer()

    def publish(self, batch: Batch) -> None:
        """Deliver, then commit. Raises NotPublished when anything was not delivered, Fatal or Stopped."""
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failures.append(error)

        try:
            for partition, record in batch.records:
                produce(self._producer, partition, record, self._keep_waiting, delivered)
            while self._producer.flush(_FLUSH_S):
                self._keep_waiting()
            if failures:
                raise KafkaException(failures[0])  # noqa: TRY301 - the same answer as to an error of the calls around
            if batch.offsets:
                offsets = list(batch.offsets)
                insist(lambda: self._consumer.commit(offsets=offsets, asynchronous=False), self._keep_waiting)
        except KafkaException as exception:
            error = kafka_error(exception)
            raise (fatal_for(error, works_on=self._works_on) or NotPublished(error)) from exception
