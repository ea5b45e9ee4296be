# SPDX-License-Identifier: Apache-2.0
"""What must be true of the cluster before the loop starts: it answers, the topics are there, and their limits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import ConfigResource, ResourceType

from consumer.errors import BrokerUnavailable, Refused
from consumer.kafka.cluster import ASK_S
from consumer.kafka.faults import advice_for, kafka_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._metadata import ClusterMetadata

    from consumer.kafka.cluster import Cluster
    from consumer.settings import TopicSettings

log = structlog.get_logger()

#: Broker defaults, for clusters that do not let us read the settings.
DEFAULT_METADATA_BYTES = 4_096
DEFAULT_MESSAGE_BYTES = 1_048_588

_CONFIGS_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What the broker takes. A record or a bitmap above fails the whole transaction."""

    metadata_bytes: int = DEFAULT_METADATA_BYTES
    """Offset metadata must be shorter than this, per partition."""
    message_bytes: Mapping[str, int] = field(default_factory=dict)
    """`max.message.bytes` of the topics that we write, where the broker tells it."""
    is_assumed: bool = False
    """Whether the broker did not tell one of them, so that its default stands for it."""

    def of(self, topic: str) -> int:
        """Largest record of that topic."""
        return self.message_bytes.get(topic, DEFAULT_MESSAGE_BYTES)

    @property
    def largest_message_bytes(self) -> int:
        """The local check must not be stricter than any topic."""
        return max(self.message_bytes.values(), default=DEFAULT_MESSAGE_BYTES)

    @property
    def smallest_message_bytes(self) -> int:
        """Every topic takes this much."""
        return min(self.message_bytes.values(), default=DEFAULT_MESSAGE_BYTES)


class CurrentLimits:
    """The limits as last read. Somebody may lower a topic's while we run."""

    def __init__(self, read: Callable[[], Limits]) -> None:
        self._read = read
        self.now = read()

    def read_again(self) -> bool:
        """Whether the topics take other sizes than before; what cannot be read now stays as it was.

        The limit of offset metadata stays that of the start: bitmaps of results in the making rest on it.
        """
        found = {**self.now.message_bytes, **self._read().message_bytes}
        has_changed = found != self.now.message_bytes
        self.now = replace(self.now, message_bytes=found)
        return has_changed


def require_topics(cluster: Cluster, topics: TopicSettings) -> None:
    """Return when the broker answers and its topics fit. Raises BrokerUnavailable while something is missing.

    Raises Refused when ACLs hide a topic from us, and when an output has fewer partitions than the input: outputs go to
    the input's partition number.
    """
    names = (topics.events, *outputs(topics))
    try:
        metadata = cluster.metadata()
    except KafkaException as error:
        raise BrokerUnavailable("Kafka does not answer") from error
    missing = [name for name in names if not _partitions(metadata, name)]
    for name in missing:
        if advice := _why_hidden(cluster.admin, name):
            raise Refused(f"Kafka does not let us use {name}; look at: {advice}")
    if missing:
        raise BrokerUnavailable(f"topics are missing: {', '.join(missing)}; `hangtag topics create` makes them")
    _refuse_without_partners(metadata, topics, _partitions(metadata, topics.events))


def require_partners(cluster: Cluster, topics: TopicSettings, needed: int) -> None:
    """Return when each output has so many partitions. Raises Refused; KafkaException when nobody answers."""
    _refuse_without_partners(cluster.metadata(), topics, needed)


def _refuse_without_partners(metadata: ClusterMetadata, topics: TopicSettings, needed: int) -> None:
    # One that is not there is a fault of another kind, told by those who look for it or write to it.
    for name in outputs(topics):
        if 0 < (found := _partitions(metadata, name)) < needed:
            raise Refused(
                f"{name} has {found} partitions, {topics.events} has {needed}; "
                "`hangtag topics check` prints the command that adds the missing ones"
            )


def _why_hidden(admin: AdminClient, name: str) -> str | None:
    """Advice when ACLs hide the topic: the list leaves it out then, and only when asked by name does Kafka say so."""
    (answer,) = admin.describe_topics(TopicCollection([name]), request_timeout=ASK_S).values()
    try:
        answer.result(_CONFIGS_S)
    except KafkaException as error:
        return advice_for(kafka_error(error))
    return None


def read_limits(cluster: Cluster, topics: TopicSettings) -> Limits:
    """The broker's limits; its defaults, with a warning, where it does not tell."""
    admin = cluster.admin
    told = {
        name: _read(admin, ConfigResource(ResourceType.TOPIC, name), "max.message.bytes") for name in outputs(topics)
    }
    message_bytes = {name: size for name, size in told.items() if size is not None}
    metadata_bytes = _read_metadata_bytes(cluster)
    return Limits(
        DEFAULT_METADATA_BYTES if metadata_bytes is None else metadata_bytes,
        message_bytes,
        is_assumed=metadata_bytes is None or len(message_bytes) < len(told),
    )


def _read_metadata_bytes(cluster: Cluster) -> int | None:
    """The smallest of all brokers: any of them may come to coordinate the group."""
    try:
        brokers = cluster.metadata().brokers
    except KafkaException:
        return None
    found = []
    for broker in brokers:
        size = _read(cluster.admin, ConfigResource(ResourceType.BROKER, str(broker)), "offset.metadata.max.bytes")
        if size is None:
            return None
        found.append(size)
    return min(found)


def outputs(topics: TopicSettings) -> tuple[str, str, str]:
    """The topics that we write."""
    return topics.attributes, topics.embeddings, topics.dead_letters


def _partitions(metadata: ClusterMetadata, name: str) -> int:
    topic = metadata.topics.get(name)
    return 0 if topic is None or topic.error is not None else len(topic.partitions)


def _read(admin: AdminClient, resource: ConfigResource, name: str) -> int | None:
    try:
        (answer,) = admin.describe_configs([resource], request_timeout=_CONFIGS_S).values()
        return int(answer.result(_CONFIGS_S)[name].value)
    except (KafkaException, TimeoutError, KeyError, TypeError, ValueError) as error:
        log.warning("broker_limit_unknown", resource=resource.name, setting=name, error=str(error))
        return None
