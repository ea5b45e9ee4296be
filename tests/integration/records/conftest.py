# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.kafka.topics import Layout, create_topics
from consumer.settings import KafkaSettings, TopicSettings
from tests.support.kafka import fresh_names

if TYPE_CHECKING:
    from tests.support.kafka import Kafka


@pytest.fixture
def broker(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    """The real broker; commands find it too."""
    monkeypatch.setenv("HANGTAG_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    return KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)


@pytest.fixture
def topics(broker: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> TopicSettings:
    """The four topics under fresh names, three partitions each; commands find them too."""
    names = fresh_names()
    for section, name in names.model_dump().items():
        monkeypatch.setenv(f"HANGTAG_TOPICS__{section.upper()}", name)
    create_topics(broker, names, Layout(partitions=3, replication=1))
    return names
