# SPDX-License-Identifier: Apache-2.0
"""Somebody changes the topics while we read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from consumer.errors import Refused
from tests.support.engine import (
    Echo,
    Event,
    Feed,
    committed_offsets,
    engine_settings,
    number_of,
    numbered,
    read_committed,
    running,
)
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from consumer.settings import Settings, TopicSettings
    from tests.support.kafka import Kafka

pytestmark = pytest.mark.kafka

LIMIT_S = 60
#: The default is five minutes.
ATTENTIVE = {"properties": {"topic.metadata.refresh.interval.ms": "500"}}


class Scene:
    def __init__(self, kafka: Kafka) -> None:
        self.kafka = kafka
        self.topics: TopicSettings = kafka.create_topics(1)
        self.settings: Settings = engine_settings(
            kafka.bootstrap_servers, self.topics, self.topics.events, kafka=ATTENTIVE
        )
        self.admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})

    def feed(self, events: list[Event], partition: int = 0) -> None:
        Feed(self.kafka.bootstrap_servers, self.topics.events).write(events, partition=partition)

    def add_a_partition(self, topic: str) -> None:
        self.admin.create_partitions([NewPartitions(topic, 2)])[topic].result(LIMIT_S)

    def outputs(self) -> list[int]:
        found = read_committed(self.kafka.bootstrap_servers, [self.topics.attributes])
        return sorted(number_of(message) for message in found[self.topics.attributes])


@pytest.fixture
def scene(kafka: Kafka) -> Scene:
    return Scene(kafka)


def test_a_partition_without_a_partner_in_the_outputs_ends_the_process_with_the_command(scene: Scene) -> None:
    topics = scene.topics
    scene.feed(numbered(20))
    with running(scene.settings, Echo(topics)) as run:
        run.wait_for(20)
        scene.add_a_partition(topics.events)
        wait_until(lambda: run.failures, LIMIT_S, "the end, without a record in it")
        at_work = run.failures.pop()
    scene.feed([Event(b"k", b"20")], partition=1)
    with pytest.raises(Refused) as at_start, running(scene.settings, Echo(topics)) as run:
        wait_until(lambda: run.failures, LIMIT_S, "the end at the start")

    assert isinstance(at_work, Refused)
    assert str(at_work) == str(at_start.value)
    assert f"{topics.attributes} has 1 partitions, {topics.events} has 2" in str(at_work)
    assert "hangtag topics check" in str(at_work)

    for name in (topics.attributes, topics.embeddings, topics.dead_letters):
        scene.add_a_partition(name)
    with running(scene.settings, Echo(topics)) as run:
        run.wait_for(1)
    assert scene.outputs() == list(range(21))


def test_a_topic_that_is_deleted_and_made_anew_is_read_from_its_beginning(scene: Scene) -> None:
    events = scene.topics.events
    scene.feed(numbered(200))

    with running(scene.settings, Echo(scene.topics)) as run:
        run.wait_for(200)
        scene.admin.delete_topics([events])[events].result(LIMIT_S)
        wait_until(run.loop.vitals.not_ready, LIMIT_S, "the word that the input is gone")
        scene.kafka.create_topic(name=events)
        scene.feed([Event(b"k", b"%d" % number) for number in range(200, 250)])
        run.wait_for(250)
        wait_until(lambda: not run.loop.vitals.not_ready(), LIMIT_S, "readiness")

    assert scene.outputs() == list(range(250))
    # Behind the last record stands the marker of its transaction.
    assert committed_offsets(scene.settings, 1) == {0: (50, "")}
