# SPDX-License-Identifier: Apache-2.0
"""A member that does not poll for too long: its partitions are lost to it, and so is what it has not published."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient

from tests.support.engine import Event, Feed, Gate, Running, echo, engine_settings, read_committed, running, source
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from confluent_kafka import Message

    from consumer.events import Delivery, Outcome
    from consumer.settings import Settings, TopicSettings
    from tests.support.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

PARTITIONS = 4
LIMIT_S = 60


class Hold:
    """Keeps the owner thread of a running loop in the report of its next results until it is released."""

    def __init__(self, run: Running) -> None:
        self.is_reached = threading.Event()
        self._is_released = threading.Event()
        self._report = run.metrics.transaction_committed
        run.metrics.transaction_committed = self._hold  # type: ignore[method-assign]

    def release(self) -> None:
        self._is_released.set()

    def _hold(self, seconds: float, results: int) -> None:
        if results:
            self.is_reached.set()
            assert self._is_released.wait(3 * LIMIT_S), "nobody released the owner thread"
        self._report(seconds, results)


def hasty(settings: Settings) -> Settings:
    """The same with a poll interval too short to be allowed; any other would take minutes."""
    properties = {"max.poll.interval.ms": "4000"}
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"properties": properties})})


def members(kafka: Kafka, group_id: str) -> int:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    (answer,) = admin.describe_consumer_groups([group_id]).values()
    return len(answer.result(LIMIT_S).members)


def member(kafka: Kafka, topics: TopicSettings, slot: str) -> Settings:
    return hasty(
        engine_settings(
            kafka.bootstrap_servers,
            topics,
            topics.events,
            kafka={"slot": slot, "session_timeout_s": 2},
            # With room for more it polls before it publishes, and hears of the loss there.
            engine={"slots": 4000},
        )
    )


def test_what_was_not_published_of_lost_partitions_is_dropped_and_redone_by_their_new_owner(kafka: Kafka) -> None:
    topics = kafka.create_topics(PARTITIONS)
    feed = Feed(kafka.bootstrap_servers, topics.events)
    gate = Gate()

    async def handle(delivery: Delivery) -> Outcome:
        await gate.passed()
        if delivery.offset % 2:
            await asyncio.sleep(1)
        return echo(topics, delivery)

    def write(count: int) -> None:
        feed.write([Event(b"key-%d" % n, b"%d" % n) for n in range(count)])

    def outputs() -> list[Message]:
        return read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]

    with running(member(kafka, topics, "a"), handle) as one:
        wait_until(lambda: not one.loop.vitals.not_ready(), LIMIT_S, "readiness")
        write(1500)
        wait_until(lambda: one.loop.held == 1500, LIMIT_S, "all of it at work")
        hold = Hold(one)
        gate.open()
        wait_until(hold.is_reached.is_set, LIMIT_S, "a transaction")
        wait_until(lambda: not members(kafka, topics.events), LIMIT_S, "the group to go on without it")
        with running(member(kafka, topics, "b"), handle) as two:
            wait_until(lambda: len(outputs()) == 1500, LIMIT_S, "everything from the new owner")
            of_the_second = two.published
            hold.release()
            wait_until(lambda: not one.loop.vitals.not_ready(), LIMIT_S, "the first to be ready again")
            write(400)
            wait_until(lambda: len(outputs()) >= 1900, LIMIT_S, "everything from both")

    found = outputs()
    assert len(found) == len({source(message) for message in found}) == 1900
    assert 0 < of_the_second < 1500
    assert one.published > 1500 - of_the_second
