# SPDX-License-Identifier: Apache-2.0
"""Errors that a broker answers in the middle of a transaction, or of a session: librdkafka's mock cluster gives them.

It stores no offsets of transactions and shows aborted records, so it says how the loop goes on, not what it promises:
that is for the real broker.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import KafkaError, Producer

from consumer.errors import Fatal, Fenced, Refused, StaleGeneration
from consumer.settings import TopicSettings
from tests.support.engine import Echo, engine_settings, running
from tests.support.mock_cluster import FaultyCluster, Request
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.engine import Running

pytestmark = pytest.mark.timeout(120)

LIMIT_S = 60
FLUSH_S = 10
HELD = 2
ABORTABLE = KafkaError.UNKNOWN_PRODUCER_ID


class Scene:
    """A loop on a mock cluster that has published one event already, and holds every later one until `let_go`."""

    def __init__(self) -> None:
        self.cluster = FaultyCluster()
        self.topics = TopicSettings()
        for topic in self.topics.model_dump().values():
            self.cluster.create_topic(topic, 1)
        self._stages = Echo(self.topics, held=b"held")
        self._feed = Producer({"bootstrap.servers": self.cluster.bootstrap_servers, "log_level": 0})

    @contextmanager
    def running(self) -> Iterator[Running]:
        settings = engine_settings(self.cluster.bootstrap_servers, self.topics, f"group-{uuid.uuid4().hex[:8]}")
        with running(settings, self._stages) as run:
            self._write(b"first", b"0")
            run.wait_for(1)
            self._write(b"held", b"1", b"2")
            wait_until(lambda: run.loop.held == HELD, LIMIT_S, "two events under way")
            yield run

    def let_go(self) -> None:
        self._stages.gate.open()

    def _write(self, key: bytes, *values: bytes) -> None:
        for value in values:
            self._feed.produce(self.topics.events, key=key, value=value, partition=0)
        assert self._feed.flush(FLUSH_S) == 0


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    # The mock cluster leaves these questions without an answer; there is no need to wait for it three times.
    monkeypatch.setattr("consumer.kafka.broker._CONFIGS_S", 0.1)
    return Scene()


def aborts(run: Running) -> float:
    return sum(
        sample.value
        for metric in run.metrics.registry.collect()
        for sample in metric.samples
        if sample.name == "hangtag_transactions_aborted_total"
    )


@pytest.mark.parametrize(
    ("request_kind", "codes"),
    [
        (Request.END_TXN, [KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.NOT_COORDINATOR]),
        (Request.END_TXN, [KafkaError.CONCURRENT_TRANSACTIONS] * 3),
        (Request.ADD_PARTITIONS_TO_TXN, [KafkaError.COORDINATOR_NOT_AVAILABLE] * 2),
        (Request.TXN_OFFSET_COMMIT, [KafkaError.COORDINATOR_LOAD_IN_PROGRESS] * 2),
        (Request.PRODUCE, [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.KAFKA_STORAGE_ERROR]),
    ],
)
def test_a_fault_that_passes_ends_in_the_same_transaction(
    scene: Scene, request_kind: Request, codes: list[int]
) -> None:
    with scene.running() as run:
        scene.cluster.fail(request_kind, *codes)
        scene.let_go()
        run.wait_for(1 + HELD)

        assert aborts(run) == 0


def test_an_aborted_transaction_is_built_again_from_the_same_results(scene: Scene) -> None:
    with scene.running() as run:
        scene.cluster.fail(Request.PRODUCE, ABORTABLE)
        scene.let_go()
        run.wait_for(1 + HELD)

        assert aborts(run) == 1
        assert run.published == 1 + HELD


@pytest.mark.parametrize(
    ("request_kind", "code", "answer", "cause"),
    [
        (Request.TXN_OFFSET_COMMIT, KafkaError.ILLEGAL_GENERATION, StaleGeneration, "ILLEGAL_GENERATION"),
        (Request.TXN_OFFSET_COMMIT, KafkaError.GROUP_AUTHORIZATION_FAILED, Refused, "GROUP_AUTHORIZATION_FAILED"),
        (Request.END_TXN, KafkaError.INVALID_PRODUCER_EPOCH, Fenced, "_FENCED"),
        (Request.ADD_PARTITIONS_TO_TXN, KafkaError.TOPIC_AUTHORIZATION_FAILED, Refused, "TOPIC_AUTHORIZATION_FAILED"),
    ],
)
def test_a_fault_that_stays_ends_the_process_with_its_cause(
    scene: Scene, request_kind: Request, code: int, answer: type[Fatal], cause: str
) -> None:
    with scene.running() as run:
        scene.cluster.fail(request_kind, *[code] * 10)
        scene.let_go()
        run.join()

        (failure,) = run.failures
        assert isinstance(failure, answer)
        assert f"({cause}: " in str(failure)
        run.failures.clear()


def test_a_member_that_the_group_forgot_joins_again(scene: Scene) -> None:
    with scene.running() as run:
        scene.cluster.fail(Request.HEARTBEAT, KafkaError.UNKNOWN_MEMBER_ID)
        wait_until(run.loop.vitals.not_ready, LIMIT_S, "partitions lost")
        wait_until(lambda: not run.loop.vitals.not_ready(), LIMIT_S, "partitions back")
        assert not run.failures


def test_a_broker_that_is_down_for_a_while_costs_nothing_but_time(scene: Scene) -> None:
    with scene.running() as run:
        scene.cluster.set_down()
        wait_until(run.loop.vitals.not_ready, LIMIT_S, "the outage to be noticed")
        assert run.loop.vitals.not_alive() == []
        scene.let_go()
        scene.cluster.set_up()
        run.wait_for(1 + HELD)
