# SPDX-License-Identifier: Apache-2.0
"""Three Kafka nodes on this machine, each broker and controller, each a process that can be killed and come back."""

from __future__ import annotations

import os
import re
import signal
import uuid
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, ElectionType, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.local import ports
from consumer.local.kafka import KafkaPart, new_uuid
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from tests.support.kafka import Kafka
from tests.support.kafka_tools import kafka_tool
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from confluent_kafka.admin._metadata import ClusterMetadata

    from consumer.local.kafka import KafkaStatus

NODES = (1, 2, 3)
LIMIT_S = 60.0
OFFSETS, TRANSACTIONS = "__consumer_offsets", "__transaction_state"
INTERNAL_PARTITIONS = 3
TRIES = 200

_REPLICATED = {
    "inter.broker.listener.name": "PLAINTEXT",
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "offsets.topic.num.partitions": str(INTERNAL_PARTITIONS),
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "transaction.state.log.num.partitions": str(INTERNAL_PARTITIONS),
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
}


class Node:
    """One of the three. It keeps its data and its ports from one life to the next."""

    def __init__(self, part: KafkaPart, book: PortBook) -> None:
        self._part = part
        self._book = book
        self.start()

    def start(self) -> None:
        """Returns at once; the node answers as soon as most of the three run."""
        self._starting = Starting(self._part, self._book)

    def wait(self) -> KafkaStatus:
        """Block until it answers."""
        return self._starting.wait()

    def stop(self) -> None:
        """In order: it hands its partitions over first."""
        self._starting.stop()

    def kill(self) -> None:
        """SIGKILL; one that does not run stays so."""
        server = self._starting.kept.server
        if server.is_alive:
            os.kill(server.pid, signal.SIGKILL)
        self._starting.stop()


class Cluster:
    """The nodes by number, and what is where."""

    def __init__(self, folder: Path, nodes: Mapping[int, Node], kafka: Kafka) -> None:
        self._folder = folder
        self.nodes = nodes
        self.kafka = kafka
        self._admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})

    def coordinator_of_group(self, group_id: str) -> int:
        """Number of the node."""
        return self._leader(OFFSETS, group_id)

    def coordinators(self, group_id: str, slots: Sequence[str]) -> set[int]:
        """Numbers of the nodes that coordinate the group and the transactions of its slots."""
        transactional = {self._leader(TRANSACTIONS, f"{group_id}-{slot}") for slot in slots}
        return transactional | {self.coordinator_of_group(group_id)}

    def quorum_leader(self) -> int:
        """Number of the node that leads the controllers. Brokers name any of themselves when a client asks them."""
        told = kafka_tool(
            self._folder,
            "kafka-metadata-quorum.sh",
            "--bootstrap-server",
            self.kafka.bootstrap_servers,
            "describe",
            "--status",
        )
        leader = re.search(r"^LeaderId:\s+(\d+)$", told, re.MULTILINE)
        assert leader is not None, told
        return int(leader[1])

    def is_in_sync(self) -> bool:
        """Whether every partition has a leader and all its copies."""
        metadata = self._metadata()
        return metadata is not None and all(
            len(partition.isrs) == len(partition.replicas) and partition.leader >= 0
            for topic in metadata.topics.values()
            for partition in topic.partitions.values()
        )

    def lead_again(self) -> None:
        """Have the first copy of each partition lead it, also where its node was away; coordinators move with it."""
        self._admin.elect_leaders(ElectionType.PREFERRED).result(LIMIT_S)

    def create_coordinators(self) -> None:
        """Have the cluster make its topics of groups and of transactions, which it does at first use."""
        producer = Producer(self._client("warm-up") | {"transactional.id": "warm-up"})
        producer.init_transactions(LIMIT_S)
        member = Consumer(self._client("warm-up") | {"group.id": "warm-up"})
        wait_until(lambda: _answers(member), LIMIT_S, "a coordinator of groups")
        member.close()

    def _client(self, name: str) -> dict[str, str | int]:
        return {"bootstrap.servers": self.kafka.bootstrap_servers, "client.id": name, "log_level": 0}

    def _leader(self, topic: str, name: str) -> int:
        partition = abs(java_hash(name)) % INTERNAL_PARTITIONS
        metadata = wait_until(self._metadata, LIMIT_S, "metadata of the cluster")
        assert metadata is not None
        return metadata.topics[topic].partitions[partition].leader

    def _metadata(self) -> ClusterMetadata | None:
        try:
            return self._admin.list_topics(timeout=5)
        except KafkaException:  # the node that was asked went away
            return None


@contextmanager
def three_nodes(folder: Path, properties: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A cluster that answers, its coordinators in place; nothing of it outlives the block."""
    chosen = ports.pick(2 * len(NODES), [])
    brokers, controllers = chosen[: len(NODES)], chosen[len(NODES) :]
    voters = ",".join(f"{n}@127.0.0.1:{port}:{new_uuid()}" for n, port in zip(NODES, controllers, strict=True))
    formatting = ("--cluster-id", new_uuid(), "--initial-controllers", voters)
    quorum = ",".join(f"127.0.0.1:{port}" for port in controllers)
    nodes: dict[int, Node] = {}
    with ExitStack() as stack:
        for number, broker, controller in zip(NODES, brokers, controllers, strict=True):
            state = folder / f"node-{number}"
            state.mkdir()
            book = PortBook(state / "ports.json")
            book.remember(KafkaPart.name, [broker, controller])
            own = {"node.id": str(number), "controller.quorum.bootstrap.servers": quorum}
            part = KafkaPart(state, print, {**_REPLICATED, **own, **(properties or {})}, formatting)
            nodes[number] = Node(part, book)
            stack.callback(nodes[number].kill)  # in order it would wait for the others, which are going too
        answers = [node.wait() for node in nodes.values()]
        servers = ",".join(answer.bootstrap_servers for answer in answers)
        cluster = Cluster(folder, nodes, Kafka(servers, answers[0].version, replication=len(nodes)))
        cluster.create_coordinators()
        wait_until(cluster.is_in_sync, LIMIT_S, "three copies of everything")
        yield cluster


def _answers(member: Consumer) -> bool:
    try:
        member.committed([TopicPartition(OFFSETS, 0)], timeout=5)
    except KafkaException:  # its topic was made just now, or is not yet
        return False
    return True


def java_hash(text: str) -> int:
    """Java's `String.hashCode`, by which Kafka deals groups and transactional ids out to partitions."""
    code = 0
    for character in text:
        code = (31 * code + ord(character)) & 0xFFFFFFFF
    return code - (1 << 32) if code >> 31 else code


def group_led_with_its_transactions(cluster: Cluster, slots: Sequence[str]) -> str:
    """A group id whose coordinator is that of the slots' transactions too.

    Slots that are single digits 3 apart, as "0" and "3", share a partition of the transactions, whatever the group.
    """
    for _ in range(TRIES):
        group_id = f"group-{uuid.uuid4().hex[:8]}"
        if len(cluster.coordinators(group_id, slots)) == 1:
            return group_id
    raise AssertionError(f"no group of {TRIES} has one coordinator")
