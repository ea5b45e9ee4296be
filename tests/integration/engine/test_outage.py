# SPDX-License-Identifier: Apache-2.0
"""A broker of its own, which comes late, goes away and comes back at the same address."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from consumer.errors import StaleGeneration
from consumer.local.jars import JAVA_INSTALL, MAVEN_INSTALL
from consumer.local.kafka import KafkaPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from tests.support.engine import Event, Feed, echo, engine_settings, number_of, read_committed, running, source
from tests.support.kafka import Kafka
from tests.support.require import require
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from confluent_kafka import Message

    from consumer.events import Delivery, Outcome

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LIMIT_S = 60
#: A broker that takes its time to go down may forget the member, or hang its client. Nothing else may end a process.
FORGOTTEN_OR_HUNG = "^the group moved on|^the client has not come back from sending offsets"


@dataclass
class OwnBroker:
    """The same data at the same address each time it runs."""

    state: Path

    @contextmanager
    def up(self) -> Iterator[Kafka]:
        with Starting(KafkaPart(self.state, print), PortBook(self.state / "ports.json")) as starting:
            status = starting.wait()
            yield Kafka(status.bootstrap_servers, status.version)


@pytest.fixture
def broker(tmp_path: Path) -> OwnBroker:
    require("Java 17", bool(shutil.which("java")), JAVA_INSTALL)
    require("Maven", bool(shutil.which("mvn")), MAVEN_INSTALL)
    return OwnBroker(tmp_path)


def test_a_broker_that_is_not_there_is_waited_for_and_one_that_goes_away_loses_nothing(broker: OwnBroker) -> None:
    with broker.up() as kafka:
        topics = kafka.create_topics(1)
        settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)

    async def handle(delivery: Delivery) -> Outcome:
        return echo(topics, delivery)

    with running(settings, handle) as run:
        vitals = run.loop.vitals
        wait_until(lambda: "Kafka does not answer" in vitals.not_ready(), LIMIT_S, "the word that Kafka is missing")
        assert vitals.not_alive() == []

        with broker.up() as kafka:
            wait_until(lambda: vitals.not_ready() == [], LIMIT_S, "readiness")
            Feed(kafka.bootstrap_servers, topics.events).write([Event(b"k", b"%d" % n) for n in range(100)])
            wait_until(lambda: run.value("hangtag_results_published_total") == 100, LIMIT_S)
        wait_until(lambda: "no Kafka broker answers" in vitals.not_ready(), LIMIT_S, "the word that Kafka went away")

        with broker.up() as kafka:
            wait_until(lambda: vitals.not_ready() == [], LIMIT_S, "readiness again")
            Feed(kafka.bootstrap_servers, topics.events).write([Event(b"k", b"%d" % n) for n in range(100, 200)])
            wait_until(lambda: run.value("hangtag_results_published_total") == 200, LIMIT_S)
            run.stop()
            outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]

    assert [number_of(m) for m in outputs] == list(range(200))
    assert len({source(m) for m in outputs}) == 200


def outputs_of_work_with_an_outage(broker: OwnBroker, delivery: str) -> list[Message]:
    with broker.up() as kafka:
        topics = kafka.create_topics(1)
        settings = engine_settings(kafka.bootstrap_servers, topics, topics.events, engine={"delivery": delivery})
        Feed(kafka.bootstrap_servers, topics.events).write([Event(b"k%d" % (n % 300), b"%d" % n) for n in range(6000)])

    async def handle(delivery: Delivery) -> Outcome:
        await asyncio.sleep(0.3)
        return echo(topics, delivery)

    def outputs(kafka: Kafka) -> list[Message]:
        return read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]

    with running(settings, handle) as run:
        with broker.up():
            run.wait_for(500)
        wait_until(run.loop.vitals.not_ready, LIMIT_S, "the word that Kafka went away")
        assert run.published < 6000

        with broker.up() as kafka:
            wait_until(lambda: run.failures or run.published >= 6000, 2 * LIMIT_S, "everything")
            if not run.failures:
                assert run.loop.vitals.not_ready() == []
                run.stop()
                return outputs(kafka)
            failure = run.failures.pop()
            assert isinstance(failure, StaleGeneration)
            assert re.search(FORGOTTEN_OR_HUNG, str(failure))
            with running(settings, handle) as fresh:
                wait_until(
                    lambda: fresh.failures or len({source(m) for m in outputs(kafka)}) == 6000,
                    2 * LIMIT_S,
                    "everything from the fresh start",
                )
            return outputs(kafka)


def by_key(outputs: list[Message]) -> list[list[int]]:
    """The values of each key, in the order of the topic."""
    values = defaultdict(list)
    for message in outputs:
        values[message.key()].append(number_of(message))
    return list(values.values())


@pytest.mark.timeout(240)
def test_an_outage_in_the_middle_of_work_loses_and_repeats_nothing(broker: OwnBroker) -> None:
    outputs = outputs_of_work_with_an_outage(broker, "exactly_once")

    assert len(outputs) == len({source(m) for m in outputs}) == 6000
    assert all(values == sorted(values) for values in by_key(outputs))


@pytest.mark.timeout(240)
def test_without_transactions_an_outage_loses_nothing_and_each_key_ends_with_its_last_event(broker: OwnBroker) -> None:
    outputs = outputs_of_work_with_an_outage(broker, "at_least_once")

    assert len({source(m) for m in outputs}) == 6000
    for values in by_key(outputs):
        last_writes = list(dict.fromkeys(reversed(values)))
        assert last_writes == sorted(last_writes, reverse=True)


def test_a_stop_without_a_broker_ends_in_time(broker: OwnBroker) -> None:
    with broker.up() as kafka:
        topics = kafka.create_topics(1)
        settings = engine_settings(kafka.bootstrap_servers, topics, topics.events, engine={"drain_s": 1})

    async def handle(delivery: Delivery) -> Outcome:
        return echo(topics, delivery)

    with running(settings, handle) as run:
        wait_until(lambda: "Kafka does not answer" in run.loop.vitals.not_ready(), LIMIT_S)
        run.stop()
    assert run.failures == []
