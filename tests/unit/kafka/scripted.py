# SPDX-License-Identifier: Apache-2.0
"""Kafka clients that answer from a script: calls are noted, errors come when the test says so."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import BrokerMetadata, ClusterMetadata, ConfigResource, PartitionMetadata, TopicMetadata

from consumer.events import Delivery, OutputRecord
from consumer.kafka.clients import Clients


class Traits(TypedDict, total=False):
    retriable: bool
    txn_requires_abort: bool
    fatal: bool


RETRIABLE: Traits = {"retriable": True}
ABORTABLE: Traits = {"txn_requires_abort": True}
FATAL: Traits = {"fatal": True}


def error(code: int, **traits: Unpack[Traits]) -> KafkaException:
    return KafkaException(KafkaError(code, **traits))


def topic_of(partitions: int) -> TopicMetadata:
    topic = TopicMetadata()
    topic.partitions = {number: PartitionMetadata() for number in range(partitions)}
    return topic


@dataclass
class Script:
    """What each function raises, in order; then it succeeds."""

    calls: list[str] = field(default_factory=list)
    raises: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))

    def play(self, name: str) -> None:
        self.calls.append(name)
        if self.raises[name]:
            raise self.raises[name].pop(0)


class ScriptedProducer:
    def __init__(self, script: Script) -> None:
        self._script = script
        self.open: list[tuple[str, int, bytes | None]] = []
        self.published: list[tuple[str, int, bytes | None]] = []
        self.offsets: list[TopicPartition] = []
        self.undelivered: list[KafkaError] = []
        self._callbacks: list[Any] = []

    def init_transactions(self, _: float) -> None:
        self._script.play("init")

    def begin_transaction(self) -> None:
        self._script.play("begin")
        self.open = []

    def produce(self, *record: Any) -> None:
        topic, value, _key, partition, _old_name, on_delivery, *_ = record
        self._script.play("produce")
        self.open.append((topic, partition, value))
        if on_delivery is not None:
            self._callbacks.append(on_delivery)

    def poll(self, _: float) -> int:
        self._script.play("poll")
        return 0

    def flush(self, _: float) -> int:
        self._script.play("flush")
        for callback in self._callbacks:
            callback(self.undelivered.pop() if self.undelivered else None, None)
        self._callbacks.clear()
        return 0

    def send_offsets_to_transaction(self, offsets: list[TopicPartition], member: str) -> None:
        self._script.play(f"offsets as {member}")
        self.offsets = offsets

    def commit_transaction(self) -> None:
        self._script.play("commit")
        self.published += self.open

    def abort_transaction(self) -> None:
        self._script.play("abort")
        self.open = []


class ScriptedConsumer:
    def __init__(self, script: Script) -> None:
        self._script = script
        self.generation = 0
        self.paused: set[int] = set()
        self.assigned: list[TopicPartition] = []
        self.commits: list[TopicPartition] = []
        self.callbacks: dict[str, Any] = {}
        self.starts: dict[int, int] = {}
        self.ends: dict[int, int] = {}

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        self._script.play(f"subscribe {topics[0]}")
        self.callbacks = callbacks

    def consumer_group_metadata(self) -> str:
        self.generation += 1
        return f"generation {self.generation}"

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert timeout > 0
        self._script.play("committed")
        known = {entry.partition: entry for entry in self.commits}
        return [known.get(entry.partition, entry) for entry in partitions]

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        assert timeout > 0
        self._script.play("watermarks")
        return self.starts.get(partition.partition, 0), self.ends.get(partition.partition, 0)

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert not asynchronous
        self._script.play("commit offsets")
        self.commits = offsets

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._script.play("assign")
        self.assigned = partitions

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self._script.play("incremental_assign")
        self.assigned += partitions

    def close(self) -> None:
        self._script.play("close")

    def unassign(self) -> None:
        self._script.play("unassign")
        self.assigned = []

    def incremental_unassign(self, _: list[TopicPartition]) -> None:
        self._script.play("incremental_unassign")

    def pause(self, partitions: list[TopicPartition]) -> None:
        self._script.play("pause")
        self.paused |= {entry.partition for entry in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self._script.play("resume")
        self.paused -= {entry.partition for entry in partitions}


class ScriptedAdmin:
    def __init__(self, script: Script) -> None:
        self._script = script
        self.partitions: dict[str, int] = {}
        """By topic; the others do not show."""
        self.brokers = 1

    def poll(self, _: float) -> int:
        self._script.play("poll")
        return 0

    def describe_configs(
        self, resources: list[ConfigResource], *, request_timeout: float
    ) -> dict[ConfigResource, Future[dict[str, str]]]:
        """Each answers when it is asked for; `raises["configs"]` says what else."""
        assert request_timeout > 0
        answers: dict[ConfigResource, Future[dict[str, str]]] = {}
        for resource in resources:
            answers[resource] = Future()
            try:
                self._script.play("configs")
            except (KafkaException, TimeoutError) as error:
                answers[resource].set_exception(error)
            else:
                answers[resource].set_result({})
        return answers

    def list_topics(self, *, timeout: float) -> ClusterMetadata:
        assert timeout > 0
        self._script.play("topics")
        metadata = ClusterMetadata()
        metadata.topics = {name: topic_of(count) for name, count in self.partitions.items()}
        metadata.brokers = {number: BrokerMetadata() for number in range(self.brokers)}
        return metadata


@dataclass
class Scripted:
    """Both clients with one script."""

    script: Script = field(default_factory=Script)

    def __post_init__(self) -> None:
        self.producer = ScriptedProducer(self.script)
        self.consumer = ScriptedConsumer(self.script)
        self.admin = ScriptedAdmin(self.script)

    @property
    def clients(self) -> Clients:
        return Clients(self.consumer, self.open_producer)  # type: ignore[arg-type]

    def open_producer(self) -> ScriptedProducer:
        self.script.play("open")
        return self.producer

    @property
    def calls(self) -> list[str]:
        return self.script.calls

    def fails(self, name: str, *errors: Exception) -> None:
        self.script.raises[name] += errors


def delivery(offset: int, partition: int = 0, value: bytes = b"in") -> Delivery:
    return Delivery("events", partition, offset, b"key", value, (), 1_700_000_000_000)


def output(value: bytes = b"out", topic: str = "attributes") -> OutputRecord:
    return OutputRecord(topic, b"key", value, ())
