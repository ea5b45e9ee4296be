# SPDX-License-Identifier: Apache-2.0
"""What a cluster says of itself and of our topics, without a judgement. What it does not tell is told as such."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import ConfigResource, ResourceType

from consumer.errors import BrokerUnavailable
from consumer.kafka.clients import connect_admin
from consumer.kafka.faults import kafka_error
from consumer.kafka.topics import ask_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._topic import TopicDescription

    from consumer.settings import Settings


_FORBIDDEN = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED}
#: The client gives up a request by itself, a moment after its time.
_GRACE_S = 5.0


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
    """Ask for everything once; `timeout_s` seconds for each question. Raises BrokerUnavailable, SettingsInvalid."""
    complaints: list[str] = []
    admin = connect_admin(settings, lambda error: complaints.append(f"{error.name()}: {error.str()}"))
    try:
        metadata = ask_metadata(admin, settings.kafka, timeout_s)
    except BrokerUnavailable as error:
        # The metadata call says only that the transport failed; a refused password or certificate is called back.
        admin.poll(0)
        raise BrokerUnavailable("; ".join([str(error), *complaints[:1]])) from error
    brokers = {
        number: _configs(admin, [ConfigResource(ResourceType.BROKER, str(number))], timeout_s)[str(number)]
        for number in metadata.brokers
    }
    names = list(settings.topics.model_dump().values())
    return ClusterFacts(str(metadata.cluster_id), brokers, _topics(admin, names, timeout_s))


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
