# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from typer.testing import CliRunner

from consumer.cli import app
from consumer.errors import BrokerUnavailable, Refused
from consumer.kafka.topics import Layout, create_topics, wait_for_leaders
from consumer.settings import KafkaSettings, TopicSettings
from tests.support.kafka import fresh_names

if TYPE_CHECKING:
    from tests.support.kafka import Kafka

pytestmark = pytest.mark.kafka

DAYS_30_MS = str(30 * 24 * 60 * 60 * 1000)


def configuration(kafka: Kafka, topic: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    return {name: entry.value for name, entry in admin.describe_configs([resource])[resource].result(10).items()}


def test_the_four_topics_get_their_partitions_and_settings(kafka: Kafka) -> None:
    topics = fresh_names()

    reports = create_topics(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers), topics, Layout(3, 1))

    assert [(report.name, report.partitions, report.replication, report.created) for report in reports] == [
        (name, 3, 1, True) for name in (topics.events, topics.attributes, topics.embeddings, topics.dead_letters)
    ]
    events, attributes, embeddings, dead_letters = (configuration(kafka, report.name) for report in reports)
    assert (events["cleanup.policy"], events["max.message.bytes"]) == ("delete", str(8 << 20))
    assert (dead_letters["cleanup.policy"], dead_letters["max.message.bytes"]) == ("delete", str(9 << 20))
    assert dead_letters["retention.ms"] == DAYS_30_MS
    for output in (attributes, embeddings):
        assert (output["cleanup.policy"], output["max.message.bytes"]) == ("compact", str(2 << 20))
        assert output["delete.retention.ms"] == DAYS_30_MS


def test_a_topic_that_is_there_is_reported_and_not_touched(kafka: Kafka) -> None:
    topics = fresh_names()
    kafka.create_topic(2, name=topics.events)
    wait_for_leaders(AdminClient({"bootstrap.servers": kafka.bootstrap_servers}), {topics.events: 2}, 10)
    before = configuration(kafka, topics.events)

    reports = create_topics(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers), topics, Layout(3, 1))

    assert [(report.partitions, report.created) for report in reports] == [(2, False), (3, True), (3, True), (3, True)]
    assert configuration(kafka, topics.events) == before


def test_more_copies_than_brokers_are_refused_in_the_brokers_words(kafka: Kafka) -> None:
    with pytest.raises(Refused, match="replication factor"):
        create_topics(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers), fresh_names(), Layout(3, 3))


def test_the_command_prints_what_it_created(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    topics = fresh_names()
    monkeypatch.setenv("HANGTAG_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    for section, name in topics.model_dump().items():
        monkeypatch.setenv(f"HANGTAG_TOPICS__{section.upper()}", name)

    options = ["topics", "create", "--partitions", "1", "--replication", "1", "--output", "json"]
    first, second = (CliRunner().invoke(app, options, catch_exceptions=False) for _ in range(2))

    assert [topic["created"] for topic in json.loads(first.stdout)["topics"]] == [True] * 4
    assert [topic["created"] for topic in json.loads(second.stdout)["topics"]] == [False] * 4


def test_a_broker_that_is_absent_is_named_with_the_command_that_starts_one() -> None:
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1 .*hangtag local up"):
        create_topics(KafkaSettings(bootstrap_servers="127.0.0.1:1"), TopicSettings(), Layout(1, 1), timeout_s=0.3)


def test_a_command_that_waits_for_the_broker_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BrokerUnavailable, match=r"within 2\.3 s"):
        create_topics(KafkaSettings(bootstrap_servers="127.0.0.1:1"), TopicSettings(), Layout(1, 1), timeout_s=2.3)

    assert capfd.readouterr().err == "waiting for the broker at 127.0.0.1:1, 2.3 s at most\n"
