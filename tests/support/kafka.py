# SPDX-License-Identifier: Apache-2.0
"""The fixture `kafka`: one real broker for the whole test run, fresh topics for each test."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from consumer.kafka.topics import Layout, create_topics
from consumer.local.jars import JAVA_INSTALL, MAVEN_INSTALL
from consumer.local.kafka import KafkaPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from consumer.settings import KafkaSettings, TopicSettings
from tests.support.require import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from consumer.local.kafka import KafkaStatus

TOPIC_LIMIT_S = 30


@dataclass(frozen=True, slots=True)
class Kafka:
    """The running broker."""

    bootstrap_servers: str
    version: str
    replication: int = 1

    @classmethod
    def of(cls, status: KafkaStatus) -> Self:
        return cls(status.bootstrap_servers, status.version)

    def create_topics(self, partitions: int = 6) -> TopicSettings:
        """The four topics under names that no other test uses."""
        topics = fresh_names()
        create_topics(
            KafkaSettings(bootstrap_servers=self.bootstrap_servers), topics, Layout(partitions, self.replication)
        )
        return topics

    def create_topic(self, partitions: int = 1, *, name: str | None = None) -> str:
        """One topic with the broker's defaults; its name, a fresh one unless given."""
        name = name or f"topic-{uuid.uuid4().hex[:8]}"
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers})
        for done in admin.create_topics([NewTopic(name, partitions, self.replication)]).values():
            done.result(TOPIC_LIMIT_S)
        return name

    def set_config(self, topic: str, name: str, value: str) -> None:
        """Change one setting of a topic while it is in use."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers})
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        for done in admin.incremental_alter_configs([resource]).values():
            done.result(TOPIC_LIMIT_S)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Drop what lies before an offset, as retention does."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers})
        for done in admin.delete_records([TopicPartition(topic, partition, before)]).values():
            done.result(TOPIC_LIMIT_S)


def fresh_names() -> TopicSettings:
    """Names of the four topics that no other test uses."""
    run = uuid.uuid4().hex[:8]
    return TopicSettings(
        events=f"events-{run}",
        attributes=f"attributes-{run}",
        embeddings=f"embeddings-{run}",
        dead_letters=f"dead-letters-{run}",
    )


def require_kafka() -> None:
    """Skip, or fail in CI, without Java or Maven."""
    require("Java 17", bool(shutil.which("java")), JAVA_INSTALL)
    require("Maven", bool(shutil.which("mvn")), MAVEN_INSTALL)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Apache Kafka, started on first use and stopped at the end of the run."""
    require_kafka()
    state = tmp_path_factory.mktemp("kafka")
    with Starting(KafkaPart(state, print), PortBook(state / "ports.json")) as starting:
        yield Kafka.of(starting.wait())
