# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import KafkaError, TopicPartition

from consumer.errors import Fenced, HangtagError, Refused, StaleGeneration
from consumer.kafka import transaction
from consumer.kafka.at_least_once import Flushes
from consumer.kafka.publishing import Batch, NotPublished
from consumer.kafka.transaction import Transactions
from consumer.kafka.waiting import Stopped
from tests.unit.kafka.scripted import ABORTABLE, FATAL, RETRIABLE, Scripted, error, output

if TYPE_CHECKING:
    from tests.unit.kafka.scripted import Traits

OFFSET = TopicPartition("events", 3, 8, "h1.x")
BATCH = Batch([(3, output(b"a")), (3, output(b"b"))], [OFFSET])


class Patience:
    """Keeps waiting so often."""

    def __init__(self, left: int = 100) -> None:
        self.left = left

    def __call__(self) -> None:
        self.left -= 1
        if self.left <= 0:
            raise Stopped


@pytest.fixture
def kafka() -> Scripted:
    return Scripted()


@pytest.fixture
def transactions(kafka: Scripted) -> Transactions:
    transactions = Transactions(kafka.clients, Patience(), works_on=False)
    transactions.start()
    kafka.calls.clear()
    return transactions


def test_outputs_and_offsets_travel_in_one_transaction(kafka: Scripted, transactions: Transactions) -> None:
    transactions.publish(BATCH)

    assert kafka.calls == ["begin", "produce", "produce", "offsets as generation 1", "commit"]
    assert kafka.producer.published == [("attributes", 3, b"a"), ("attributes", 3, b"b")]
    assert kafka.producer.offsets == [OFFSET]


def test_a_commit_of_unknown_outcome_is_asked_again(kafka: Scripted, transactions: Transactions) -> None:
    kafka.fails("commit", error(KafkaError._TIMED_OUT, **RETRIABLE))

    transactions.publish(BATCH)

    assert kafka.calls.count("begin") == 1
    assert "abort" not in kafka.calls
    assert len(kafka.producer.published) == 2


def test_offsets_that_time_out_are_left_to_a_fresh_producer(kafka: Scripted, transactions: Transactions) -> None:
    kafka.fails("offsets as generation 1", error(KafkaError._TIMED_OUT, **RETRIABLE))

    with pytest.raises(NotPublished):
        transactions.publish(BATCH)

    assert kafka.calls[-3:] == ["offsets as generation 1", "open", "init"]
    assert kafka.producer.published == []
    transactions.publish(BATCH)
    assert kafka.calls[-1] == "commit"
    assert len(kafka.producer.published) == 2


def test_a_client_that_does_not_come_back_asks_for_a_fresh_start(
    kafka: Scripted, transactions: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = threading.Event()
    monkeypatch.setattr(transaction, "OFFSETS_S", 0.05)
    monkeypatch.setattr(kafka.producer, "send_offsets_to_transaction", lambda *_: back.wait())

    with pytest.raises(StaleGeneration, match="has not come back"):
        transactions.publish(BATCH)

    assert kafka.producer.published == []
    back.set()


def test_an_abortable_error_aborts_and_publishes_nothing(kafka: Scripted, transactions: Transactions) -> None:
    kafka.fails("commit", error(KafkaError._TRANSPORT, **ABORTABLE))

    with pytest.raises(NotPublished) as caught:
        transactions.publish(BATCH)

    assert kafka.calls[-1] == "abort"
    assert kafka.producer.published == []
    assert caught.value.error.code() == KafkaError._TRANSPORT


@pytest.mark.parametrize(
    ("code", "traits", "answer"),
    [
        (KafkaError.ILLEGAL_GENERATION, ABORTABLE, StaleGeneration),
        (KafkaError.UNKNOWN_MEMBER_ID, ABORTABLE, StaleGeneration),
        (KafkaError.FENCED_INSTANCE_ID, ABORTABLE, StaleGeneration),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, ABORTABLE, Refused),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, ABORTABLE, Refused),
        (KafkaError._FENCED, FATAL, Fenced),
        (KafkaError.INVALID_PRODUCER_EPOCH, FATAL, Fenced),
        (KafkaError.INVALID_TXN_STATE, FATAL, StaleGeneration),
    ],
)
def test_an_error_that_trying_cannot_cure_ends_the_process(
    kafka: Scripted, transactions: Transactions, code: int, traits: Traits, answer: type[HangtagError]
) -> None:
    kafka.fails("commit", error(code, **traits))

    with pytest.raises(answer):
        transactions.publish(BATCH)

    assert ("abort" in kafka.calls) == (traits is ABORTABLE)
    assert kafka.producer.published == []


def test_a_member_that_works_on_publishes_again_when_the_group_has_moved(kafka: Scripted) -> None:
    transactions = Transactions(kafka.clients, Patience(), works_on=True)
    transactions.start()
    kafka.fails("offsets as generation 1", error(KafkaError.ILLEGAL_GENERATION, **ABORTABLE))

    with pytest.raises(NotPublished):
        transactions.publish(BATCH)
    assert (kafka.calls[-1], kafka.producer.published) == ("abort", [])
    transactions.publish(BATCH)

    assert len(kafka.producer.published) == 2


def test_a_member_that_works_on_and_was_forgotten_starts_again(kafka: Scripted) -> None:
    transactions = Transactions(kafka.clients, Patience(), works_on=True)
    transactions.start()
    kafka.fails("offsets as generation 1", error(KafkaError.UNKNOWN_MEMBER_ID, **ABORTABLE))

    with pytest.raises(StaleGeneration):
        transactions.publish(BATCH)


def test_a_fatal_abort_asks_for_a_fresh_start(kafka: Scripted, transactions: Transactions) -> None:
    kafka.fails("commit", error(KafkaError._TIMED_OUT, **ABORTABLE))
    kafka.fails("abort", error(KafkaError.INVALID_TXN_STATE, **FATAL))

    with pytest.raises(StaleGeneration):
        transactions.publish(BATCH)


def test_a_full_queue_is_waited_for(kafka: Scripted, transactions: Transactions) -> None:
    kafka.fails("produce", BufferError(), BufferError())

    transactions.publish(BATCH)

    assert kafka.calls.count("poll") == 2
    assert len(kafka.producer.published) == 2


def test_a_missing_output_partition_is_refused(kafka: Scripted, transactions: Transactions) -> None:
    kafka.fails("produce", error(KafkaError._UNKNOWN_PARTITION))

    with pytest.raises(Refused, match="partitions"):
        transactions.publish(BATCH)

    assert "abort" in kafka.calls


def test_the_slot_is_waited_for(kafka: Scripted, transactions: Transactions) -> None:
    kafka.fails("init", *[error(KafkaError._TIMED_OUT, **RETRIABLE)] * 3)

    transactions.start()

    assert kafka.calls == ["open", *["init"] * 4]


def test_a_slot_that_is_refused_ends_the_process(kafka: Scripted, transactions: Transactions) -> None:
    kafka.fails("init", error(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, **FATAL))

    with pytest.raises(Refused, match="transactional id"):
        transactions.start()


def test_a_stop_ends_a_wait_that_has_no_end(kafka: Scripted) -> None:
    kafka.fails("commit", *[error(KafkaError._TIMED_OUT, **RETRIABLE)] * 10)

    transactions = Transactions(kafka.clients, Patience(3), works_on=False)
    transactions.start()
    with pytest.raises(Stopped):
        transactions.publish(BATCH)


@pytest.fixture
def flushes(kafka: Scripted) -> Flushes:
    flushes = Flushes(kafka.clients, Patience(), works_on=False)
    flushes.start()
    kafka.calls.clear()
    return flushes


def test_without_transactions_offsets_follow_the_delivered_outputs(kafka: Scripted, flushes: Flushes) -> None:
    flushes.publish(BATCH)

    assert kafka.calls == ["produce", "produce", "flush", "commit offsets"]
    assert kafka.consumer.commits == [OFFSET]


def test_without_transactions_nothing_is_committed_that_was_not_delivered(kafka: Scripted, flushes: Flushes) -> None:
    kafka.producer.undelivered = [KafkaError(KafkaError._MSG_TIMED_OUT)]

    with pytest.raises(NotPublished):
        flushes.publish(BATCH)

    assert kafka.consumer.commits == []


def test_without_transactions_a_stale_member_starts_again(kafka: Scripted, flushes: Flushes) -> None:
    kafka.fails("commit offsets", error(KafkaError.ILLEGAL_GENERATION))

    with pytest.raises(StaleGeneration):
        flushes.publish(BATCH)


@pytest.mark.parametrize("code", [KafkaError.ILLEGAL_GENERATION, KafkaError.STALE_MEMBER_EPOCH])
def test_without_transactions_a_member_that_works_on_delivers_again_when_the_group_has_moved(
    kafka: Scripted, code: int
) -> None:
    flushes = Flushes(kafka.clients, Patience(), works_on=True)
    flushes.start()
    kafka.fails("commit offsets", error(code))

    with pytest.raises(NotPublished):
        flushes.publish(BATCH)
    assert kafka.consumer.commits == []
    flushes.publish(BATCH)

    assert kafka.consumer.commits == [OFFSET]
