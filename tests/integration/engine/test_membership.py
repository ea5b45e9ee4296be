# SPDX-License-Identifier: Apache-2.0
"""Members that are one too many, and groups whose commits are not what we wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, TopicPartition
from structlog.testing import capture_logs

from consumer.errors import Fenced, Refused
from tests.support.engine import Echo, Feed, committed_offsets, engine_settings, numbered, read_committed, running
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from consumer.settings import Settings
    from tests.support.kafka import Kafka

pytestmark = pytest.mark.kafka

LIMIT_S = 60


def member(settings: Settings, slot: str, **properties: str) -> Settings:
    """The same settings for another slot."""
    kafka = settings.kafka.model_copy(update={"slot": slot, "properties": properties})
    return settings.model_copy(update={"kafka": kafka})


def test_one_member_more_than_partitions_is_a_healthy_standby_and_takes_over(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    feed = Feed(kafka.bootstrap_servers, topics.events)

    with running(member(settings, "b"), Echo(topics)) as second:
        wait_until(lambda: second.loop.vitals.not_ready() == [], LIMIT_S, "the first member")
        with running(member(settings, "a"), Echo(topics)) as first:
            wait_until(lambda: first.loop.vitals.not_ready() == [], LIMIT_S, "the second member")
            feed.write(numbered(100))
            wait_until(lambda: first.published + second.published == 100, LIMIT_S, "all results")
            assert min(first.published, second.published) == 0
            assert second.loop.vitals.not_ready() == []
        feed.write(numbered(100))
        wait_until(lambda: first.published + second.published == 200, LIMIT_S, "the results of the one who is left")

    assert len(read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]) == 200


def test_a_second_process_with_the_same_static_id_ends_the_first(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    twin = {"group.instance.id": "twin"}

    with running(member(settings, "a", **twin), Echo(topics)) as first:
        wait_until(lambda: first.loop.vitals.not_ready() == [], LIMIT_S, "the first member")
        with running(member(settings, "b", **twin), Echo(topics)) as second:
            first.join()
            Feed(kafka.bootstrap_servers, topics.events).write(numbered(10))
            second.wait_for(10)

        (failure,) = first.failures
        assert isinstance(failure, Fenced)
        first.failures.clear()


def test_a_new_group_begins_where_the_log_begins(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    Feed(kafka.bootstrap_servers, topics.events).write(numbered(50))
    kafka.delete_records(topics.events, 0, before=20)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)

    with running(settings, Echo(topics)) as run:
        run.wait_for(30)

    assert len(read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]) == 30
    assert committed_offsets(settings, 1) == {0: (50, "")}


def test_metadata_of_another_tool_is_ignored_with_a_warning(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    Feed(kafka.bootstrap_servers, topics.events).write(numbered(20))
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    other = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": settings.kafka.group_id})
    other.commit(offsets=[TopicPartition(topics.events, 0, 5, "h9.somebody else's")], asynchronous=False)
    other.close()

    with capture_logs() as logs, running(settings, Echo(topics)) as run:
        run.wait_for(15)
        assert run.value("hangtag_offset_metadata_ignored_total") == 1

    assert "offset_metadata_ignored" in {line["event"] for line in logs}
    assert len(read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]) == 15


def test_a_refused_join_ends_the_process_with_the_setting_to_change(kafka: Kafka) -> None:
    topics = kafka.create_topics(1)
    too_short = {"session_timeout_s": 0.3}  # the broker's group.min.session.timeout.ms is 500
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events, kafka=too_short)

    with running(settings, Echo(topics)) as run:
        run.join()
        (failure,) = run.failures
        run.failures.clear()

    assert isinstance(failure, Refused)
    assert "kafka.session_timeout_s" in str(failure)
