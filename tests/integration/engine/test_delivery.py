# SPDX-License-Identifier: Apache-2.0
"""The loop on the real broker, with stages that repeat the value."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from consumer.errors import DeadLetterReason, Fenced, IncompatibleModels
from consumer.events import Rejected
from consumer.kafka.bitmap import decode
from consumer.kafka.message import delivery_of
from tests.support.engine import (
    Echo,
    Event,
    Feed,
    committed_offsets,
    echo,
    engine_settings,
    number_of,
    numbered,
    read_committed,
    running,
    source,
)
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from consumer.events import Delivery, Outcome
    from consumer.settings import TopicSettings
    from tests.support.engine import Handle
    from tests.support.kafka import Kafka

pytestmark = pytest.mark.kafka

PARTITIONS = 4
LIMIT_S = 60


def test_every_event_comes_out_once_and_every_key_in_order(kafka: Kafka) -> None:
    topics = kafka.create_topics(PARTITIONS)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    feed = Feed(kafka.bootstrap_servers, topics.events)
    feed.write(numbered(1000))

    with running(settings, Echo(topics)) as run:
        run.wait_for(1000)

    inputs = read_committed(kafka.bootstrap_servers, [topics.events])[topics.events]
    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert Counter(source(m) for m in outputs) == Counter(f"{m.topic()}/{m.partition()}/{m.offset()}" for m in inputs)
    by_key = defaultdict(list)
    for message in outputs:
        by_key[message.key()].append(number_of(message))
    assert all(values == sorted(values) for values in by_key.values())
    assert {(m.key(), m.partition()) for m in inputs} == {(m.key(), m.partition()) for m in outputs}


def test_aborted_input_leaves_holes_and_nothing_else(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    feed = Feed(kafka.bootstrap_servers, topics.events)
    for turn in range(10):
        feed.write([Event(b"k", b"%d:%d" % (turn, n)) for n in range(20)], commit=turn % 3 != 1)

    with running(settings, Echo(topics)) as run:
        run.wait_for(140)

    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert {int((m.value() or b"").split(b":")[0]) for m in outputs} == {0, 2, 3, 5, 6, 8, 9}
    assert len(outputs) == 140
    last = max(int((source(m) or "").rsplit("/", 1)[1]) for m in outputs)
    assert committed_offsets(settings, 1) == {0: (last + 1, "")}


def test_dead_letters_carry_the_original_bytes_in_the_same_transaction(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    headers = (("trace", b"\x00\xff"), ("trace", b"again"))
    feed = Feed(kafka.bootstrap_servers, topics.events)
    feed.write([Event(b"k", b"good"), Event(b"k", b"\xc3\x01bad", headers), Event(None, b"bad"), Event(b"k", None)])

    async def handle(delivery: Delivery) -> Outcome:
        if delivery.value == b"good":
            return echo(topics, delivery)
        now = datetime.now(UTC)
        return Rejected(DeadLetterReason.AVRO_MALFORMED, "cannot read it", "decode", None, 1, now, now)

    with running(settings, handle) as run:
        run.wait_for(4)

    found = read_committed(kafka.bootstrap_servers, [topics.attributes, topics.dead_letters, topics.events])
    inputs, letters = found[topics.events], found[topics.dead_letters]
    assert [m.value() for m in found[topics.attributes]] == [b"good"]
    assert [(m.key(), m.value()) for m in letters] == [(b"k", b"\xc3\x01bad"), (None, b"bad"), (b"k", None)]
    first = delivery_of(letters[0])
    assert first.headers[:2] == headers
    assert dict(first.headers)["hangtag.error.reason"] == b"avro_malformed"
    assert [m.timestamp()[1] for m in letters] == [m.timestamp()[1] for m in inputs[1:]]


def test_a_slow_event_holds_back_only_its_key(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    stages = Echo(topics, held=b"key-0")
    Feed(kafka.bootstrap_servers, topics.events).write(numbered(200, keys=10))

    with running(settings, stages) as run:
        run.wait_for(180)
        ((frontier, metadata),) = committed_offsets(settings, 1).values()
        assert frontier == 0
        assert len(decode(frontier, metadata)) == 180
        stages.gate.open()
        run.wait_for(200)

    assert committed_offsets(settings, 1) == {0: (200, "")}


def test_a_new_owner_redoes_only_what_was_not_published(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events, engine={"drain_s": 0})
    Feed(kafka.bootstrap_servers, topics.events).write(numbered(200, keys=10))
    with running(settings, Echo(topics, held=b"key-3")) as run:
        run.wait_for(180)

    second = Echo(topics)
    with running(settings, second) as run:
        run.wait_for(20)

    assert sorted(int(place.rsplit("/", 1)[1]) for place in second.ran) == list(range(3, 200, 10))
    assert run.value("hangtag_already_done_total") == 180 - 3
    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert sorted(number_of(m) for m in outputs) == list(range(200))


def test_a_second_member_takes_over_half_without_repeats(kafka: Kafka) -> None:
    topics = kafka.create_topics(PARTITIONS)
    feed = Feed(kafka.bootstrap_servers, topics.events)
    first, second = (
        engine_settings(kafka.bootstrap_servers, topics, topics.events, kafka={"slot": slot}) for slot in "ab"
    )
    slow = slowly(topics)

    with running(first, slow) as one:
        feed.write(numbered(1500, keys=300))
        one.wait_for(200)
        with running(second, slow) as two:
            wait_until(lambda: not two.loop.vitals.not_ready(), LIMIT_S, "the second to be ready")
            feed.write(numbered(1500, keys=300))
            wait_until(lambda: one.published + two.published >= 3000, LIMIT_S)
            assert two.published > 0

    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert len(outputs) == len({source(m) for m in outputs}) == 3000


def slowly(topics: TopicSettings) -> Handle:
    async def handle(delivery: Delivery) -> Outcome:
        await asyncio.sleep(0.3)
        return echo(topics, delivery)

    return handle


def test_a_stop_publishes_what_runs(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    stages = Echo(topics, held=b"held")
    Feed(kafka.bootstrap_servers, topics.events).write([Event(b"held", b"1")])

    with running(settings, stages) as run:
        wait_until(lambda: stages.ran, LIMIT_S)
        run.loop.request_stop()
        wait_until(run.loop.vitals.not_ready, LIMIT_S)
        stages.gate.open()
        run.join()

    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert [m.value() for m in outputs] == [b"1"]


def test_a_second_process_with_the_slot_fences_the_first(kafka: Kafka) -> None:
    topics = kafka.create_topics(PARTITIONS)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    feed = Feed(kafka.bootstrap_servers, topics.events)
    feed.write(numbered(100))

    with running(settings, Echo(topics)) as first:
        first.wait_for(100)
        with running(settings, Echo(topics)) as second:
            wait_until(lambda: not second.loop.vitals.not_ready(), LIMIT_S, "the second to be ready")
            feed.write(numbered(200))
            wait_until(lambda: first.failures, LIMIT_S, "the end of the first")
            # It left the group, so the second has everything now.
            second.wait_for(300 - int(first.published))
        assert isinstance(first.failures.pop(), Fenced)

    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert len(outputs) == len({source(m) for m in outputs}) == 300


def test_a_fatal_error_of_a_stage_ends_the_loop(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    Feed(kafka.bootstrap_servers, topics.events).write(numbered(1))

    async def handle(_: Delivery) -> Outcome:
        raise IncompatibleModels("other labels")

    with pytest.raises(IncompatibleModels), running(settings, handle) as run:
        run.join()


def test_at_least_once_delivers_everything_in_order(kafka: Kafka) -> None:
    topics = kafka.create_topics(PARTITIONS)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events, engine={"delivery": "at_least_once"})
    stages = Echo(topics, held=b"key-3")
    Feed(kafka.bootstrap_servers, topics.events).write(numbered(500))

    with running(settings, stages) as run:
        run.wait_for(490)
        assert any(metadata for _, metadata in committed_offsets(settings, PARTITIONS).values())
        stages.gate.open()
        run.wait_for(500)

    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert sorted(number_of(m) for m in outputs) == list(range(500))


def test_a_group_that_starts_at_the_end_skips_what_was_there(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events, kafka={"start": "latest"})
    feed = Feed(kafka.bootstrap_servers, topics.events)
    feed.write([Event(b"k", b"old")])

    with running(settings, Echo(topics)) as run:
        wait_until(lambda: committed_offsets(settings, 1)[0][0] >= 1, LIMIT_S, "the start to be committed")
    feed.write([Event(b"k", b"new")])
    with running(settings, Echo(topics)) as run:
        run.wait_for(1)

    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert [m.value() for m in outputs] == [b"new"]
