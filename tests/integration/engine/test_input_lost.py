# SPDX-License-Identifier: Apache-2.0
"""Retention was quicker than we: records are gone before anybody read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from consumer.errors import StaleGeneration
from tests.support.engine import Echo, Feed, engine_settings, numbered, read_committed, running
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from consumer.settings import Settings, TopicSettings
    from tests.support.engine import Running
    from tests.support.kafka import Kafka

pytestmark = pytest.mark.kafka

LIMIT_S = 60


class Scene:
    """A group that has committed offset 10 of a log that begins at 30."""

    def __init__(self, kafka: Kafka, partitions: int = 1) -> None:
        self.kafka = kafka
        self.topics: TopicSettings = kafka.create_topics(partitions)
        self.feed = Feed(kafka.bootstrap_servers, self.topics.events)
        self.feed.write(numbered(10), partition=0)
        with running(self.settings(), Echo(self.topics)) as run:
            run.wait_for(10)
        self.feed.write(numbered(30), partition=0)
        kafka.delete_records(self.topics.events, 0, before=30)

    def settings(self, input_lost: str = "stop") -> Settings:
        servers, group = self.kafka.bootstrap_servers, self.topics.events
        return engine_settings(servers, self.topics, group, kafka={"input_lost": input_lost})

    def outputs(self) -> int:
        return len(read_committed(self.kafka.bootstrap_servers, [self.topics.attributes])[self.topics.attributes])


def test_the_partition_stops_with_an_alarm_and_the_others_go_on(kafka: Kafka) -> None:
    scene = Scene(kafka, partitions=2)

    with running(scene.settings(), Echo(scene.topics)) as run:
        wait_until(lambda: any("input_lost=skip" in reason for reason in run.loop.vitals.not_ready()), LIMIT_S)
        scene.feed.write(numbered(5), partition=1)
        run.wait_for(5)
        assert run.loop.vitals.not_alive() == []

    assert scene.outputs() == 15


def test_on_demand_it_goes_on_with_what_is_left(kafka: Kafka) -> None:
    scene = Scene(kafka)

    with running(scene.settings("skip"), Echo(scene.topics)) as run:
        run.wait_for(11)  # 41 records and markers were written, from offset 30 on eleven records are left
        assert run.loop.vitals.not_ready() == []

    assert scene.outputs() == 21


def test_on_demand_a_loss_at_run_time_asks_for_a_fresh_start(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    kafka_settings, engine = {"input_lost": "skip"}, {"slots": 10}
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events, kafka=kafka_settings, engine=engine)
    stages = Echo(topics, held=b"key-0")
    Feed(kafka.bootstrap_servers, topics.events).write([*numbered(10, keys=1), *numbered(200)])

    def lose_while_paused(run: Running) -> None:
        wait_until(lambda: "intake_shut" in {line["event"] for line in logs}, LIMIT_S, "a paused partition")
        kafka.delete_records(topics.events, 0, before=100)
        stages.gate.open()
        run.join()

    with (
        capture_logs() as logs,
        pytest.raises(StaleGeneration, match="skips to what is left"),
        running(settings, stages) as run,
    ):
        lose_while_paused(run)
