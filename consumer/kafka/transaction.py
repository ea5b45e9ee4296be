# SPDX-License-Identifier: Apache-2.0
"""`exactly_once`: outputs, dead letters and input offsets become visible together, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from consumer.errors import Refused, StaleGeneration
from consumer.kafka.faults import fatal_for, kafka_error
from consumer.kafka.publishing import NotPublished
from consumer.kafka.waiting import insist, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import KafkaError, Message, Producer

    from consumer.events import OutputRecord
    from consumer.kafka.clients import Clients
    from consumer.kafka.publishing import Batch
    from consumer.kafka.waiting import KeepWaiting

_INIT_S = 5.0
_QUEUE_FULL_S = 0.1
#: Brokers miss a dead one among them after 9 s and elect another coordinator within two more; then the call returns.
OFFSETS_S = 15.0


class Transactions:
    """Publishes through one transactional producer. Owner thread only."""

    def __init__(self, clients: Clients, keep_waiting: KeepWaiting, *, works_on: bool) -> None:
        """`works_on`: members keep their partitions while the group moves, as incremental protocols have it."""
        self._works_on = works_on
        self._open_producer = clients.open_producer
        self._consumer = clients.consumer
        self._keep_waiting = keep_waiting

    def start(self) -> None:
        """Take the slot with a fresh producer: ends the transaction that the holder before left open, and fences it.

        Raises Fatal.
        """
        # The one before goes with its last reference; `Producer.close` would wait for the broker without end.
        self._producer = self._open_producer()
        try:
            insist(lambda: self._producer.init_transactions(_INIT_S), self._keep_waiting)
        except KafkaException as exception:
            error = kafka_error(exception)
            raise (fatal_for(error) or Refused(f"no transactions ({error.name()}: {error.str()})")) from exception

    def publish(self, batch: Batch) -> None:
        """One transaction. Raises NotPublished after an abort, Fatal when this process must end, Stopped."""
        try:
            self._producer.begin_transaction()
            for partition, record in batch.records:
                produce(self._producer, partition, record, self._keep_waiting)
            self._send_offsets(batch)
            # Without a timeout: when it returns the outcome is known. The hang watch ends one that does not.
            insist(self._producer.commit_transaction, self._keep_waiting)
        except KafkaException as exception:
            self._abort(exception)
            error = kafka_error(exception)
            raise (fatal_for(error, works_on=self._works_on) or NotPublished(error)) from exception

    def _send_offsets(self, batch: Batch) -> None:
        if not batch.offsets:
            return
        # Asked fresh each time: it names the generation that these offsets belong to.
        member = self._consumer.consumer_group_metadata()
        producer = self._producer
        try:
            within(OFFSETS_S, lambda: producer.send_offsets_to_transaction(list(batch.offsets), member))
        except TimeoutError:
            words = f"the client has not come back from sending offsets for {OFFSETS_S:g} s: a fresh one will"
            raise StaleGeneration(words) from None
        except KafkaException as exception:
            error = kafka_error(exception)
            if not error.retriable():
                raise
            # Repeated, this call may never return (librdkafka#5511). Nothing is committed yet, so there is no doubt
            # about the outcome: a fresh producer aborts what this one has open.
            self.start()
            raise NotPublished(error) from exception

    def _abort(self, cause: KafkaException) -> None:
        error = kafka_error(cause)
        if error.fatal():
            raise (fatal_for(error) or cause) from cause
        self._keep_waiting()  # what failed may have taken all of a transaction's time, and so may this
        try:
            insist(self._producer.abort_transaction, self._keep_waiting)
        except KafkaException as exception:
            failed = kafka_error(exception)
            words = f"could not abort after {error.name()} ({failed.name()}: {failed.str()}): a fresh client can"
            raise (fatal_for(failed) or StaleGeneration(words)) from exception


def produce(
    producer: Producer,
    partition: int,
    record: OutputRecord,
    keep_waiting: KeepWaiting,
    on_delivery: Callable[[KafkaError | None, Message], None] | None = None,
) -> None:
    """Hand one record to the client; waits while its queue is full."""
    while True:
        try:
            # By position: names would take half of the call's time. `None` is the old name of `on_delivery`.
            producer.produce(
                record.topic,
                record.value,
                record.key,
                partition,
                None,
                on_delivery,
                record.timestamp_ms or 0,
                list(record.headers),
            )
        except BufferError:
            producer.poll(_QUEUE_FULL_S)
            keep_waiting()
        else:
            return
