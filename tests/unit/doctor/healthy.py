# SPDX-License-Identifier: Apache-2.0
"""A cluster without a fault, for tests that spoil one thing of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from consumer.doctor.commands import Commands
from consumer.kafka.inspection import ClusterFacts, Configs, TopicFacts
from consumer.settings import TopicSettings

NAMES = TopicSettings()
COMMANDS = Commands("b:9092")
DAY_MS = 86_400_000

BROKER: Configs = {
    "group.min.session.timeout.ms": "6000",
    "group.max.session.timeout.ms": "1800000",
    "group.consumer.session.timeout.ms": "45000",
    "transaction.max.timeout.ms": "900000",
    "offset.metadata.max.bytes": "4096",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "10000",
}
OUTPUT = {"cleanup.policy": "compact", "max.message.bytes": str(2 << 20), "delete.retention.ms": str(30 * DAY_MS)}
CONFIGS: dict[str, Configs] = {
    NAMES.events: {"cleanup.policy": "delete", "max.message.bytes": str(8 << 20)},
    NAMES.attributes: OUTPUT,
    NAMES.embeddings: OUTPUT,
    NAMES.dead_letters: {
        "cleanup.policy": "delete",
        "max.message.bytes": str(9 << 20),
        "retention.ms": str(30 * DAY_MS),
    },
}
TOPICS = {
    name: TopicFacts(6, (), 3, {**configs, "min.insync.replicas": "2"}, frozenset({"READ", "WRITE"}))
    for name, configs in CONFIGS.items()
}
CLUSTER = ClusterFacts("c", {1: BROKER, 2: BROKER, 3: BROKER}, TOPICS)


def with_topic(name: str, **facts: Any) -> ClusterFacts:
    """The healthy cluster with something else about one topic."""
    return replace(CLUSTER, topics={**TOPICS, name: replace(TOPICS[name], **facts)})


def with_config(topic: str, name: str, value: str | None) -> ClusterFacts:
    """The healthy cluster with one other configuration of a topic; None: the broker does not tell it."""
    configs = {**TOPICS[topic].configs, name: value}  # type: ignore[dict-item]  # a healthy topic tells
    return with_topic(topic, configs={key: text for key, text in configs.items() if text is not None})
