# SPDX-License-Identifier: Apache-2.0
"""A network between us and the real broker that is slow and stands still."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer

from consumer.errors import StaleGeneration
from consumer.kafka import clients
from tests.support.engine import (
    DEFAULT_TIMEOUTS,
    Feed,
    echo,
    engine_settings,
    number_of,
    numbered,
    read_committed,
    running,
    source,
)
from tests.support.toxiproxy import Proxied, Proxy, proxied_broker
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from consumer.events import Delivery, Outcome
    from consumer.settings import Settings, TopicSettings
    from tests.support.engine import Running

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

PARTITIONS = 2
EVENTS = 2000
KEYS = 200
LIMIT_S = 60
#: Beyond any limit of ours: only the end of the stall ends it.
STANDSTILL_MS = 600_000
TRANSACTION_S = 3


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with proxied_broker(tmp_path_factory.mktemp("proxied")) as running_broker:
        yield running_broker


class Scene:
    """A topic with events, and a loop that reads it through the proxy."""

    def __init__(self, broker: Proxied) -> None:
        self.proxy = broker.proxy
        self._direct = broker.direct.bootstrap_servers
        self.topics: TopicSettings = broker.direct.create_topics(PARTITIONS)
        self._proxied = broker.bootstrap_servers
        self.settings = self.settings_with()
        self._feed = Feed(self._direct, self.topics.events)
        self._written = 0

    def settings_with(self, **kafka: float) -> Settings:
        return engine_settings(self._proxied, self.topics, self.topics.events, kafka=DEFAULT_TIMEOUTS | kafka)

    def write(self, count: int = EVENTS) -> None:
        """More events, at the broker itself. Values count up."""
        self._feed.write(numbered(self._written + count, KEYS)[self._written :])
        self._written += count

    async def handle(self, delivery: Delivery) -> Outcome:
        await asyncio.sleep(0.1)
        return echo(self.topics, delivery)

    def assert_each_once_and_in_order(self) -> None:
        found = read_committed(self._direct, [self.topics.events, self.topics.attributes, self.topics.dead_letters])
        inputs, outputs = found[self.topics.events], found[self.topics.attributes]
        assert found[self.topics.dead_letters] == []
        assert len(inputs) == self._written
        assert Counter(map(source, outputs)) == Counter(f"{m.topic()}/{m.partition()}/{m.offset()}" for m in inputs)
        by_key = defaultdict(list)
        for message in outputs:
            by_key[message.key()].append(number_of(message))
        assert all(values == sorted(values) for values in by_key.values())


@pytest.fixture
def scene(broker: Proxied) -> Scene:
    return Scene(broker)


def test_answers_that_take_half_a_second_cost_nothing_but_time(scene: Scene) -> None:
    scene.write()

    with scene.proxy.latency(350, jitter_ms=150), running(scene.settings, scene.handle) as run:
        run.wait_for(EVENTS)

    assert run.failures == []
    scene.assert_each_once_and_in_order()


class Standstill:
    """Holds back all that the broker answers from the moment when the producer is about to make a call, once."""

    def __init__(self, proxy: Proxy) -> None:
        self.call = ""
        """The call that it waits for."""
        self._proxy = proxy
        self._stall: AbstractContextManager[None] = nullcontext()
        self._since_s: float | None = None

    @property
    def lasts_s(self) -> float:
        """How long it has lasted so far; 0 before it begins."""
        return 0.0 if self._since_s is None else time.monotonic() - self._since_s

    def producer(self, properties: dict[str, Any]) -> Producer:
        standstill = self

        class Stalled(Producer):
            def send_offsets_to_transaction(self, *arguments: Any) -> None:
                standstill.begin_at("send_offsets_to_transaction")
                super().send_offsets_to_transaction(*arguments)

            def commit_transaction(self, *arguments: Any) -> None:
                if standstill.call == "commit_transaction":
                    assert self.flush(LIMIT_S) == 0
                standstill.begin_at("commit_transaction")
                super().commit_transaction(*arguments)

        return Stalled(properties)

    def begin_at(self, call: str) -> None:
        if self.call == call:
            self.call = ""
            self._stall = self._proxy.latency(STANDSTILL_MS)
            self._stall.__enter__()
            self._since_s = time.monotonic()

    def end(self) -> None:
        """Let the answers through; done already is fine."""
        stall, self._stall = self._stall, nullcontext()
        stall.__exit__(None, None, None)


@pytest.fixture
def standstill(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standstill]:
    standstill = Standstill(scene.proxy)
    monkeypatch.setattr(clients, "Producer", standstill.producer)
    try:
        yield standstill
    finally:
        standstill.end()


def has_not_turned(run: Running) -> bool:
    return any("has not turned" in reason for reason in run.loop.vitals.not_ready())


@pytest.mark.parametrize("call", ["send_offsets_to_transaction", "commit_transaction"])
def test_a_standstill_of_seconds_in_a_transaction_is_waited_for(
    scene: Scene, standstill: Standstill, call: str
) -> None:
    with running(scene.settings, scene.handle) as run:
        scene.write()
        run.wait_for(EVENTS // 10)
        standstill.call = call
        # After 10 s without a turn. Offsets are given up after 15.
        wait_until(lambda: has_not_turned(run), LIMIT_S, "the standstill")
        standstill.end()
        run.wait_for(EVENTS)
        assert run.failures == []

    scene.assert_each_once_and_in_order()


def test_a_commit_whose_answer_comes_after_the_time_of_its_transaction_counts(
    scene: Scene, standstill: Standstill
) -> None:
    settings = scene.settings_with(transaction_timeout_s=TRANSACTION_S)

    with running(settings, scene.handle) as run:
        scene.write()
        run.wait_for(EVENTS // 10)
        standstill.call = "commit_transaction"
        wait_until(lambda: standstill.lasts_s > 2 * TRANSACTION_S, LIMIT_S, "the end of the transaction's time")
        standstill.end()
        run.wait_for(EVENTS)
        assert run.failures == []

    scene.assert_each_once_and_in_order()


def test_a_longer_one_while_offsets_are_sent_asks_for_a_fresh_start_which_redoes_what_was_not_published(
    scene: Scene, standstill: Standstill
) -> None:
    with running(scene.settings, scene.handle) as run:
        scene.write()
        run.wait_for(EVENTS // 10)
        standstill.call = "send_offsets_to_transaction"
        wait_until(lambda: run.failures, LIMIT_S, "the end of the process")
        standstill.end()
        run.join()
        (failure,) = run.failures
        assert isinstance(failure, StaleGeneration)
        assert "has not come back" in str(failure)
        run.failures.clear()
    published = run.published
    assert published < EVENTS

    with running(scene.settings, scene.handle) as restarted:
        restarted.wait_for(EVENTS - int(published))

    scene.assert_each_once_and_in_order()
