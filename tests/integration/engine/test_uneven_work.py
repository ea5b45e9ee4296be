# SPDX-License-Identifier: Apache-2.0
"""Work that is dealt out badly: one key has nearly all of it, or one event takes very long."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from tests.support.engine import (
    Echo,
    Event,
    Feed,
    engine_settings,
    number_of,
    numbered,
    read_committed,
    running,
    source,
)
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from tests.support.kafka import Kafka

pytestmark = pytest.mark.kafka

LIMIT_S = 60
SLOTS = 100
EVENTS = 1000
HOT_OF_TEN = 9
SESSION_S, TRANSACTION_S = 1.0, 1.5


def test_a_key_with_nine_tenths_of_the_events_lets_the_others_pass_until_it_has_all_slots(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events, engine={"slots": SLOTS})
    stages = Echo(topics, held=b"hot")
    Feed(kafka.bootstrap_servers, topics.events).write(
        [Event(b"hot" if n % 10 < HOT_OF_TEN else b"cold-%d" % n, b"%d" % n) for n in range(EVENTS)]
    )

    with running(settings, stages) as run:
        others = SLOTS // HOT_OF_TEN
        run.wait_for(others)
        wait_until(lambda: run.value("hangtag_eligible_keys") == 1, LIMIT_S, "one key to have all slots")
        assert run.loop.held == SLOTS
        assert run.published == others
        stages.gate.open()
        run.wait_for(EVENTS)

    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert len(outputs) == len({source(m) for m in outputs}) == EVENTS
    by_key = defaultdict(list)
    for message in outputs:
        by_key[message.key()].append(number_of(message))
    assert len(by_key[b"hot"]) == EVENTS * HOT_OF_TEN // 10
    assert all(values == sorted(values) for values in by_key.values())


def test_an_event_may_take_longer_than_session_and_transaction(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    timeouts = {"session_timeout_s": SESSION_S, "transaction_timeout_s": TRANSACTION_S}
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events, kafka=timeouts)
    stages = Echo(topics, held=b"key-3")
    feed = Feed(kafka.bootstrap_servers, topics.events)
    feed.write(numbered(100, keys=10))

    with running(settings, stages) as run:
        run.wait_for(90)
        wait_until(
            lambda: run.value("hangtag_oldest_unfinished_seconds") > 2 * (SESSION_S + TRANSACTION_S),
            LIMIT_S,
            "an event that takes long",
        )
        feed.write([Event(b"another", b"100")])
        run.wait_for(91)
        assert run.loop.vitals.not_ready() == []
        stages.gate.open()
        run.wait_for(101)

    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert len(outputs) == len({source(m) for m in outputs}) == len(stages.ran) == 101
