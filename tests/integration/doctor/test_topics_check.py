# SPDX-License-Identifier: Apache-2.0
"""`hangtag topics check`, and whether its advice mends what it found."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from consumer.kafka.topics import OUTPUT_BYTES, wait_for_leaders
from tests.support.kafka_tools import kafka_tool

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.settings import TopicSettings
    from tests.integration.doctor.conftest import Commands
    from tests.support.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LIMIT_S = 30


def create_badly(kafka: Kafka, names: TopicSettings) -> None:
    """Topics with a fault of each kind that one broker can have."""
    large = {"max.message.bytes": str(OUTPUT_BYTES)}
    topics = [
        NewTopic(names.events, 3, 1, config={"max.message.bytes": "2000000"}),
        NewTopic(names.attributes, 2, 1, config=large | {"cleanup.policy": "compact"}),
        NewTopic(names.embeddings, 3, 1, config=large | {"cleanup.policy": "delete", "delete.retention.ms": "1000"}),
        NewTopic(names.dead_letters, 3, 1, config={"max.message.bytes": "2000000", "retention.ms": "3600000"}),
    ]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for done in admin.create_topics(topics).values():
        done.result(LIMIT_S)
    wait_for_leaders(admin, {topic.topic: topic.num_partitions for topic in topics}, LIMIT_S)


def test_topics_that_hangtag_created_pass(commands: Commands, kafka: Kafka) -> None:
    commands.use(kafka, kafka.create_topics(2))

    report = commands.report("topics", "check")

    assert report.exit_code == 0
    assert {finding["status"] for finding in report.findings} == {"ok"}


def test_each_advice_is_a_command_that_mends_its_finding(
    commands: Commands, kafka: Kafka, fresh_topics: TopicSettings, tmp_path: Path
) -> None:
    commands.use(kafka, fresh_topics)
    create_badly(kafka, fresh_topics)

    before = commands.report("topics", "check")
    found = [(finding["check"], finding["status"]) for finding in before.findings if finding["advice"]]
    for finding in before.findings:
        if finding["advice"]:
            tool, *arguments = shlex.split(finding["advice"])
            kafka_tool(tmp_path, tool, *arguments)
    after = commands.report("topics", "check")

    assert before.exit_code == 1
    assert found == [
        ("topic_partitions", "failed"),
        ("topic_max_message_bytes", "failed"),
        ("topic_delete_retention", "failed"),
        ("topic_cleanup_policy", "failed"),
    ]
    assert after.exit_code == 0
    assert {finding["status"] for finding in after.findings} == {"ok"}
