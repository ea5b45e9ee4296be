# SPDX-License-Identifier: Apache-2.0
"""What a cluster says of itself and of our topics, without a judgement. What it does not tell is told as such."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import ConfigResource, ResourceType

from consumer.errors import BrokerUnavailable, Refused
from consumer.kafka.clients import connect_admin
from consumer.kafka.faults import fatal_for, is_outage, kafka_error
from consumer.kafka.topics import ask_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._topic import TopicDescription

    from consumer.settings import Settings


_FORBIDDEN = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
}
#: The client gives up a request by itself, a moment after its time.
_GRACE_S = 5.0
_AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Untold:
    """What the cluster did not say, in its words."""

    reason: str
    is_forbidden: bool = False
    """It would say so to somebody with more rights."""


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no such topic."""


Configs = dict[str, str]
"""Names and values as the broker writes them."""


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """One topic."""

    partitions: int
    leaderless: tuple[int, ...]
    """Partitions that nobody can read or write at the moment."""
    replication: int
    """Copies of the partition that has the fewest."""
    configs: Configs | Untold
    allowed: frozenset[str] | None
    """What ACLs let us do, as `READ`; None where the broker does not tell."""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """A cluster that answers."""

    cluster_id: str
    brokers: Mapping[int, Configs | Untold]
    topics: Mapping[str, TopicFacts | Absent | Untold]


def inspect(settings: Settings, timeout_s: float) -> ClusterFacts:
    """Ask for everything once; `timeout_s` seconds for each question.

    Raises BrokerUnavailable, Refused when credentials or certificates do, and SettingsInvalid.
    """
    complaints: list[KafkaError] = []
    admin = connect_admin(settings, complaints.append)
    try:
        metadata = ask_metadata(admin, settings.kafka, timeout_s)
    except BrokerUnavailable as error:
        # The metadata call says only that the transport failed; a refused password or certificate is called back.
        admin.poll(0)
        for complaint in complaints:
            if isinstance(refusal := fatal_for(complaint), Refused):
                raise refusal from error
        words = [f"{complaint.name()}: {complaint.str()}" for complaint in complaints[:1]]
        raise BrokerUnavailable("; ".join([str(error), *words])) from error
    brokers = {
        number: _configs(admin, [ConfigResource(ResourceType.BROKER, str(number))], timeout_s)[str(number)]
        for number in metadata.brokers
    }
    names = list(settings.topics.model_dump().values())
    return ClusterFacts(str(metadata.cluster_id), brokers, _topics(admin, names, timeout_s))


def inspect_group(settings: Settings, timeout_s: float) -> Untold | None:
    """Why the cluster says nothing of our group; None when it does, also that there is none yet."""
    admin = connect_admin(settings)
    deadline = time.monotonic() + timeout_s
    while True:
        (answer,) = admin.describe_consumer_groups([settings.kafka.group_id], request_timeout=timeout_s).values()
        try:
            answer.result(timeout_s + _GRACE_S)
        except KafkaException as exception:
            error = kafka_error(exception)
            # The first question about any group has the brokers make the topic of all groups, which takes a moment.
            if is_outage(error) and time.monotonic() < deadline:
                time.sleep(_AGAIN_S)
                continue
            return None if error.code() == KafkaError.GROUP_ID_NOT_FOUND else _untold(exception)
        return None


def _topics(admin: AdminClient, names: list[str], timeout_s: float) -> Mapping[str, TopicFacts | Absent | Untold]:
    configs = _configs(admin, [ConfigResource(ResourceType.TOPIC, name) for name in names], timeout_s)
    # Not from the metadata, which leaves out what we may not see: it would look absent.
    answers = admin.describe_topics(
        TopicCollection(names), include_authorized_operations=True, request_timeout=timeout_s
    )
    topics: dict[str, TopicFacts | Absent | Untold] = {}
    for name, answer in answers.items():
        try:
            topics[name] = _facts(answer.result(timeout_s + _GRACE_S), configs[name])
        except KafkaException as error:
            is_absent = kafka_error(error).code() == KafkaError.UNKNOWN_TOPIC_OR_PART
            topics[name] = Absent() if is_absent else _untold(error)
    return topics


def _facts(described: TopicDescription, configs: Configs | Untold) -> TopicFacts:
    return TopicFacts(
        partitions=len(described.partitions),
        # The client's types leave out that a partition may have no leader.
        leaderless=tuple(part.id for part in described.partitions if cast("object", part.leader) is None),
        replication=min(len(partition.replicas) for partition in described.partitions),
        configs=configs,
        allowed=frozenset(operation.name for operation in allowed)
        if (allowed := described.authorized_operations)
        else None,
    )


def _untold(exception: KafkaException) -> Untold:
    error = kafka_error(exception)
    return Untold(error.str(), is_forbidden=error.code() in _FORBIDDEN)


def _configs(admin: AdminClient, resources: Sequence[ConfigResource], timeout_s: float) -> dict[str, Configs | Untold]:
    answers = admin.describe_configs(list(resources), request_timeout=timeout_s)
    configs: dict[str, Configs | Untold] = {}
    for resource, answer in answers.items():
        try:
            entries = answer.result(timeout_s + _GRACE_S)
        except KafkaException as error:
            configs[resource.name] = _untold(error)
        else:
            configs[resource.name] = {name: entry.value for name, entry in entries.items() if entry.value is not None}
    return configs
