# SPDX-License-Identifier: Apache-2.0
"""The oracle on records made by hand, and on a broker where something was left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.chaos.aftermath import Ends
from tests.chaos.oracle import Record, Verdict, judge
from tests.support.engine import Feed, engine_settings, numbered

if TYPE_CHECKING:
    from tests.support.kafka import Kafka

BAD = b":bad"
WRITTEN = {"e/0/0": b"a:1", "e/0/1": b"a:2", "e/0/2": b"b:1:bad", "e/1/0": b"c:1"}
FOUND = [
    Record("out", b"a", b"a:1", "e/0/0"),
    Record("out", b"a", b"a:2", "e/0/1"),
    Record("dead", b"b", b"b:1:bad", "e/0/2"),
    Record("out", b"c", b"c:1", "e/1/0"),
]
CLEAN = Verdict(0, 0, 0, 0, 0, 0)


def test_everything_once_and_in_order_is_clean() -> None:
    assert judge(WRITTEN, {b"a:9"}, BAD, FOUND).is_clean


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (FOUND[1:], replace(CLEAN, missing=1)),
        ([*FOUND, FOUND[3]], replace(CLEAN, duplicates=1, order_breaks=1)),
        ([FOUND[1], FOUND[0], *FOUND[2:]], replace(CLEAN, order_breaks=1)),
        ([*FOUND, Record("out", b"a", b"a:9", "e/0/7")], replace(CLEAN, from_aborted=1, unknown=1)),
        ([*FOUND[:3], replace(FOUND[3], value=b"c:2")], replace(CLEAN, unknown=1)),
        ([*FOUND[:3], replace(FOUND[3], topic="dead")], replace(CLEAN, misplaced=1)),
    ],
    ids=["missing", "duplicate", "order", "aborted", "another value", "another topic"],
)
def test_each_broken_promise_is_counted(found: list[Record], verdict: Verdict) -> None:
    assert judge(WRITTEN, {b"a:9"}, BAD, found) == verdict


@pytest.mark.kafka
def test_what_a_run_leaves_at_the_broker_is_told(kafka: Kafka) -> None:
    topics = kafka.create_topics(2)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    Feed(kafka.bootstrap_servers, topics.events).write(numbered(10), partition=0)
    group = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": topics.events, "log_level": 0})
    ends = Ends(settings, 2)

    def commit(offset: int, metadata: str = "") -> None:
        offsets = [TopicPartition(topics.events, 0, offset, metadata), TopicPartition(topics.events, 1, 0)]
        group.commit(offsets=offsets, asynchronous=False)

    commit(10)
    assert ends.faults() == []
    assert ends.is_through()

    commit(9, "h1.map")
    assert ends.faults() == [
        "partition 0 is committed up to 9 of 11",
        "partition 0 has a bitmap left: h1.map",
    ]
    assert not ends.is_through()
    commit(10)
    group.close()

    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topics.events})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topics.attributes, b"left behind", b"k", partition=0)
    producer.flush(30)
    assert ends.faults() == [f"a transaction is open in {topics.attributes}"]
    producer.abort_transaction(30)
    assert ends.faults() == []
