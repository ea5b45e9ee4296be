# SPDX-License-Identifier: Apache-2.0
"""What happens at the limits: slots, sizes, dead letters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from consumer.errors import DeadLetterReason
from consumer.events import Finished, OutputRecord, Rejected
from tests.support.engine import Echo, Event, Feed, echo, engine_settings, number_of, numbered, read_committed, running
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from consumer.events import Delivery, Outcome
    from tests.support.kafka import Kafka

pytestmark = pytest.mark.kafka

LIMIT_S = 60


def test_an_intake_that_was_full_goes_on_where_it_was(kafka: Kafka) -> None:
    topics = kafka.create_topics(2)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events, engine={"slots": 10})
    stages = Echo(topics, held=b"key-0")
    Feed(kafka.bootstrap_servers, topics.events).write([*numbered(20, keys=1), *numbered(500)])

    with capture_logs() as logs, running(settings, stages) as run:
        wait_until(lambda: "intake_shut" in {line["event"] for line in logs}, LIMIT_S, "a full intake")
        assert run.loop.held == 10
        stages.gate.open()
        run.wait_for(520)

    assert "intake_resumed" in {line["event"] for line in logs}
    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert sorted(number_of(m) for m in outputs) == sorted([*range(20), *range(500)])


def test_an_output_that_is_too_large_becomes_a_dead_letter_and_its_neighbours_pass(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    Feed(kafka.bootstrap_servers, topics.events).write([Event(b"k", b"1"), Event(b"k", b"large"), Event(b"k", b"2")])

    async def handle(delivery: Delivery) -> Outcome:
        if delivery.value == b"large":
            return Finished((OutputRecord(topics.attributes, b"k", bytes(2 << 20), ()),))
        return echo(topics, delivery)

    with running(settings, handle) as run:
        run.wait_for(3)

    found = read_committed(kafka.bootstrap_servers, [topics.attributes, topics.dead_letters])
    assert [m.value() for m in found[topics.attributes]] == [b"1", b"2"]
    assert [m.value() for m in found[topics.dead_letters]] == [b"large"]
    assert run.value("hangtag_dead_letters_total", reason="output_too_large") == 1


def test_too_many_dead_letters_stop_the_intake_and_not_the_process(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events, engine={"slots": 50})
    Feed(kafka.bootstrap_servers, topics.events).write(numbered(2000))

    async def handle(_: Delivery) -> Outcome:
        now = datetime.now(UTC)
        return Rejected(DeadLetterReason.FIELD_INVALID, "all of them", "decode", None, 1, now, now)

    with running(settings, handle) as run:
        wait_until(lambda: any("dead letters" in reason for reason in run.loop.vitals.not_ready()), LIMIT_S)
        wait_until(lambda: run.loop.held == 0, LIMIT_S)
        assert run.thread.is_alive()
        assert run.loop.vitals.not_alive() == []

    assert run.published < 200


def test_a_limit_that_is_lowered_at_run_time_makes_a_dead_letter_of_what_no_longer_fits(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    feed = Feed(kafka.bootstrap_servers, topics.events)
    feed.write([Event(b"k", b"1")])

    async def handle(delivery: Delivery) -> Outcome:
        if delivery.value == b"large":
            return Finished((OutputRecord(topics.attributes, b"k", bytes(100_000), ()),))
        return echo(topics, delivery)

    with running(settings, handle) as run:
        run.wait_for(1)
        kafka.set_config(topics.attributes, "max.message.bytes", "20000")
        feed.write([Event(b"k", b"2"), Event(b"k", b"large"), Event(b"k", b"3")])
        run.wait_for(4)

    found = read_committed(kafka.bootstrap_servers, [topics.attributes, topics.dead_letters])
    assert [m.value() for m in found[topics.attributes]] == [b"1", b"2", b"3"]
    assert [m.value() for m in found[topics.dead_letters]] == [b"large"]
    assert run.value("hangtag_transactions_aborted_total", cause="MSG_SIZE_TOO_LARGE") == 1
