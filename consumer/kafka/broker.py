# SPDX-License-Identifier: Apache-2.0
"""What must be true of the cluster before the loop starts: it answers, the topics are there, and their limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined] # has no __all__

from consumer.errors import BrokerUnavailable, Refused
from consumer.kafka.faults import advice_for, kafka_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._metadata import ClusterMetadata

    from consumer.settings import TopicSettings

log = structlog.get_logger()

#: Broker defaults, for clusters that do not let us read the settings.
DEFAULT_METADATA_BYTES = 4_096
DEFAULT_MESSAGE_BYTES = 1_048_588

_ASK_S = 1.0
_CONFIGS_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What the broker takes. A record or a bitmap above fails the whole transaction."""

    metadata_bytes: int = DEFAULT_METADATA_BYTES
    """Offset metadata must be shorter than this, per partition."""
    message_bytes: Mapping[str, int] = field(default_factory=dict)
    """`max.message.bytes` of the topics that we write."""

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
        """Whether the topics take other sizes than before.

        The limit of offset metadata stays that of the start: bitmaps of results in the making rest on it.
        """
        found = self._read().message_bytes
        has_changed = found != self.now.message_bytes
        self.now = Limits(self.now.metadata_bytes, found)
        return has_changed


def require_topics(admin: AdminClient, topics: TopicSettings) -> None:
    """Return when the broker answers and its topics fit. Raises BrokerUnavailable while something is missing.

    Raises Refused when ACLs hide a topic from us, and when an output has fewer partitions than the input: outputs go to
    the input's partition number.
    """
    names = (topics.events, *outputs(topics))
    try:
        metadata = admin.list_topics(timeout=_ASK_S)
    except KafkaException as error:
        raise BrokerUnavailable("Kafka does not answer") from error
    missing = [name for name in names if not _partitions(metadata, name)]
    for name in missing:
        if advice := _why_hidden(admin, name):
            raise Refused(f"Kafka does not let us use {name}; look at: {advice}")
    if missing:
        raise BrokerUnavailable(f"topics are missing: {', '.join(missing)}; `hangtag topics create` makes them")
    needed = _partitions(metadata, topics.events)
    for name in outputs(topics):
        if (found := _partitions(metadata, name)) < needed:
            raise Refused(
                f"{name} has {found} partitions, {topics.events} has {needed}; to add the missing ones: "
                f"kafka-topics.sh --alter --topic {name} --partitions {needed}"
            )


def _why_hidden(admin: AdminClient, name: str) -> str | None:
    """Advice when ACLs hide the topic: the list leaves it out then, and only when asked by name does Kafka say so."""
    (answer,) = admin.describe_topics(TopicCollection([name]), request_timeout=_ASK_S).values()
    try:
        answer.result(_CONFIGS_S)
    except KafkaException as error:
        return advice_for(kafka_error(error))
    return None


def read_limits(admin: AdminClient, topics: TopicSettings) -> Limits:
    """The broker's limits; its defaults, with a warning, where it does not tell."""
    message_bytes = {
        name: _read(admin, ConfigResource(ResourceType.TOPIC, name), "max.message.bytes", DEFAULT_MESSAGE_BYTES)
        for name in outputs(topics)
    }
    try:
        broker = next(iter(admin.list_topics(timeout=_ASK_S).brokers))
    except (KafkaException, StopIteration):
        broker = 0
    resource = ConfigResource(ResourceType.BROKER, str(broker))
    return Limits(_read(admin, resource, "offset.metadata.max.bytes", DEFAULT_METADATA_BYTES), message_bytes)


def outputs(topics: TopicSettings) -> tuple[str, str, str]:
    """The topics that we write."""
    return topics.attributes, topics.embeddings, topics.dead_letters


def _partitions(metadata: ClusterMetadata, name: str) -> int:
    topic = metadata.topics.get(name)
    return 0 if topic is None or topic.error is not None else len(topic.partitions)


def _read(admin: AdminClient, resource: ConfigResource, name: str, default: int) -> int:
    try:
        (answer,) = admin.describe_configs([resource], request_timeout=_CONFIGS_S).values()
        return int(answer.result(_CONFIGS_S)[name].value)
    except (KafkaException, TimeoutError, KeyError, TypeError, ValueError) as error:
        log.warning("broker_limit_unknown", resource=resource.name, setting=name, assumed=default, error=str(error))
        return default
