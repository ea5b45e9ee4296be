# SPDX-License-Identifier: Apache-2.0
"""All checks in order, each finding as soon as it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import confluent_kafka

from consumer.doctor.commands import Commands
from consumer.doctor.finding import Finding, Status
from consumer.doctor.group import judge_group
from consumer.doctor.images import check_images, try_egress
from consumer.doctor.limits import judge_limits
from consumer.doctor.others import check_registry, check_triton
from consumer.doctor.topics import judge_topics
from consumer.doctor.trial import try_out
from consumer.errors import BrokerUnavailable, Refused
from consumer.kafka.clients import try_properties
from consumer.kafka.inspection import inspect, inspect_group
from consumer.settings import settings_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.settings import Settings


def examine(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    """Everything that a worker with these settings would meet; `timeout_s` seconds at most for each answer.

    No topic, no offset and no group at work is changed. The brokers remember the name of its transactions for a while,
    see `consumer.kafka.rehearsal`. Raises SettingsInvalid.
    """
    try_properties(settings)
    try_egress(settings.images)
    kafka = settings.kafka
    who = f"group {kafka.group_id}, slot {kafka.slot}, {settings.engine.delivery}"
    yield Finding("settings", Status.OK, f"{who}; {settings_file()}")
    yield from check_images(settings.images, timeout_s)
    yield from _examine_kafka(settings, timeout_s)
    yield from check_triton(settings, timeout_s)
    yield from check_registry(settings, timeout_s)


def examine_topics(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    """The topics alone. Raises BrokerUnavailable, Refused, SettingsInvalid."""
    yield from judge_topics(settings.topics, inspect(settings, timeout_s), Commands.of(settings.kafka))


def _examine_kafka(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    try:
        cluster = inspect(settings, timeout_s)
    except BrokerUnavailable as error:
        advice = "HANGTAG_KAFKA__BOOTSTRAP_SERVERS, and security.protocol among HANGTAG_KAFKA__PROPERTIES"
        yield from _without_kafka(str(error), advice)
        return
    except Refused as error:
        yield from _without_kafka(str(error), "HANGTAG_KAFKA__PROPERTIES and the secrets of docs/kafka-security.md")
        return
    client = f"confluent-kafka {confluent_kafka.version()}, librdkafka {confluent_kafka.libversion()[0]}"
    yield Finding("broker", Status.OK, f"cluster {cluster.cluster_id} of {len(cluster.brokers)} answers {client}")
    commands = Commands.of(settings.kafka)
    yield from judge_limits(settings, cluster.brokers, commands)
    yield from judge_topics(settings.topics, cluster, commands)
    yield judge_group(settings.kafka.group_id, inspect_group(settings, timeout_s), commands)
    yield from try_out(settings, cluster, commands, timeout_s)


def _without_kafka(found: str, advice: str) -> Iterator[Finding]:
    yield Finding("broker", Status.FAILED, found, advice)
    yield Finding("kafka", Status.UNKNOWN, "limits, topics, join and transaction were not tried")
