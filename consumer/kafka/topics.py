# SPDX-License-Identifier: Apache-2.0
"""The four topics: their settings, their creation, and the wait until every partition has a leader."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.errors import BrokerUnavailable, Refused
from consumer.kafka.opening import client_properties, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from confluent_kafka.admin._metadata import ClusterMetadata

    from consumer.settings import KafkaSettings, TopicSettings

_MIB = 1 << 20
_30_DAYS_MS = str(30 * 24 * 3600 * 1000)

EVENT_BYTES = 8 * _MIB
#: A dead letter is the event and some headers about it.
DEAD_LETTER_BYTES = 9 * _MIB
OUTPUT_BYTES = 2 * _MIB
#: Copies that have a record before it counts as written.
MIN_IN_SYNC = 2

_PAUSE_S = 0.05
#: A command that has said nothing for so long says what it waits for.
_SILENCE_S = 2.0

#: The longest and the shortest question to a cluster of which nothing is heard yet.
_PATIENCE_S, _LEAST_S = 4.0, 0.1

_TOO_LATE = {KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT}  # noqa: SLF001  # librdkafka's own codes begin so


@dataclass(frozen=True, slots=True)
class Layout:
    """Partitions of each topic, equal in all four so that a key keeps its number, and copies of each partition."""

    partitions: int = 6
    replication: int = 3


@dataclass(frozen=True, slots=True)
class TopicReport:
    """A topic that is there now; `created` is false where it was there before, and then nothing of it was changed."""

    name: str
    partitions: int
    replication: int
    created: bool


class _AsksForMetadata(Protocol):
    def list_topics(self, topic: str = ..., timeout: float = ...) -> ClusterMetadata: ...


def create_topics(
    kafka: KafkaSettings, topics: TopicSettings, layout: Layout, timeout_s: float = 30
) -> tuple[TopicReport, ...]:
    """Create what is missing, wait for the leaders of all, and report each. Existing topics are not touched.

    Raises BrokerUnavailable when nobody answers in time, Refused when the broker says no.
    """
    admin = opened(AdminClient, client_properties(kafka))
    there = ask_metadata(admin, kafka, timeout_s).topics
    missing = [topic for topic in _planned(topics, layout) if topic.topic not in there]
    created = set(_create(admin, missing, timeout_s)) if missing else set()
    names = [topic.topic for topic in _planned(topics, layout)]
    expected = {name: layout.partitions if name in created else None for name in names}
    metadata = wait_for_leaders(admin, expected, timeout_s)
    return tuple(_report(metadata, name, created=name in created) for name in names)


def ask_metadata(client: _AsksForMetadata, kafka: KafkaSettings, timeout_s: float) -> ClusterMetadata:
    """What the cluster says of itself; tells on stderr when that takes long, since a command waits here in silence.

    Raises BrokerUnavailable when nobody answers in time.
    """
    started_s = time.monotonic()
    waited_s, has_told = 0.0, False
    while True:
        # Short at first and never long: no signal is heard while the client asks. Its connection stays in between.
        patience_s = min(max(1.0, waited_s), _PATIENCE_S, timeout_s - waited_s)
        try:
            return client.list_topics(timeout=patience_s)
        except KafkaException as error:
            waited_s = time.monotonic() - started_s
            if waited_s + _LEAST_S > timeout_s:
                raise BrokerUnavailable(
                    f"no Kafka broker answers at {kafka.bootstrap_servers} (kafka.bootstrap_servers) within "
                    f"{timeout_s:g} s: {error.args[0].str()}; `hangtag local up` starts one on this machine"
                ) from error
        if not has_told and waited_s >= _SILENCE_S:
            has_told = True
            sys.stderr.write(f"waiting for the broker at {kafka.bootstrap_servers}, {timeout_s:g} s at most\n")


def wait_for_leaders(client: _AsksForMetadata, expected: Mapping[str, int | None], timeout_s: float) -> ClusterMetadata:
    """Metadata in which every topic has its partitions (None: any number), and each of them a leader.

    Right after a creation a client may see some of the partitions only; a key hashed then would lie elsewhere for ever.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            metadata = client.list_topics(timeout=max(0.1, deadline - time.monotonic()))
            lacking = [name for name, count in expected.items() if not _has_leaders(metadata, name, count)]
            if not lacking:
                return metadata
            absent = [name for name in lacking if name not in metadata.topics]
            what = (
                f"there is no topic {', '.join(absent)}; `hangtag topics create` makes ours"
                if absent
                else f"not all partitions of {', '.join(lacking)} have a leader"
            )
        except KafkaException as error:
            what = error.args[0].str()
        if time.monotonic() > deadline:
            raise BrokerUnavailable(f"gave up after {timeout_s:g} s: {what}")
        time.sleep(_PAUSE_S)


def _planned(topics: TopicSettings, layout: Layout) -> Iterator[NewTopic]:
    # With three copies one broker may be down, and what was acknowledged is on two.
    safe = {"min.insync.replicas": str(MIN_IN_SYNC)} if layout.replication > MIN_IN_SYNC else {}
    compacted = {"cleanup.policy": "compact", "delete.retention.ms": _30_DAYS_MS}
    configs = {
        topics.events: {"cleanup.policy": "delete", "max.message.bytes": str(EVENT_BYTES)},
        topics.attributes: compacted | {"max.message.bytes": str(OUTPUT_BYTES)},
        topics.embeddings: compacted | {"max.message.bytes": str(OUTPUT_BYTES)},
        topics.dead_letters: {
            "cleanup.policy": "delete",
            "max.message.bytes": str(DEAD_LETTER_BYTES),
            "retention.ms": _30_DAYS_MS,
        },
    }
    for name, config in configs.items():
        yield NewTopic(name, layout.partitions, layout.replication, config=config | safe)


def _create(admin: AdminClient, missing: Sequence[NewTopic], timeout_s: float) -> Iterator[str]:
    futures = admin.create_topics(list(missing), operation_timeout=timeout_s, request_timeout=timeout_s)
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            code = error.args[0].code()
            if code == KafkaError.TOPIC_ALREADY_EXISTS:
                continue  # somebody else was quicker
            if code in _TOO_LATE:
                raise BrokerUnavailable(f"the broker did not create {name}: {error.args[0].str()}") from error
            raise Refused(f"the broker does not create {name}: {error.args[0].str()}") from error
        yield name


def _has_leaders(metadata: ClusterMetadata, name: str, count: int | None) -> bool:
    topic = metadata.topics.get(name)
    if topic is None or topic.error is not None or not topic.partitions:
        return False
    are_led = all(partition.leader >= 0 for partition in topic.partitions.values())
    return are_led and count in {None, len(topic.partitions)}


def _report(metadata: ClusterMetadata, name: str, *, created: bool) -> TopicReport:
    partitions = metadata.topics[name].partitions
    return TopicReport(name, len(partitions), len(partitions[0].replicas), created)
