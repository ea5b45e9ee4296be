# SPDX-License-Identifier: Apache-2.0
"""The broker that the suite and the demo run on."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from consumer.errors import Refused
from consumer.local.kafka import KafkaPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from tests.support.kafka import Kafka, require_kafka

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kafka


def test_a_transaction_with_offsets_is_read_back_by_a_committed_reader(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topic})
    reader = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": topic,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
        }
    )

    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(topic, b"dropped")
    producer.flush(10)
    producer.abort_transaction()
    producer.begin_transaction()
    producer.produce(topic, b"kept")
    producer.send_offsets_to_transaction([TopicPartition(topic, 0, 7)], reader.consumer_group_metadata())
    producer.commit_transaction()
    reader.subscribe([topic])
    try:
        message = reader.poll(20)
        committed = reader.committed([TopicPartition(topic, 0)], 10)
    finally:
        reader.close()

    assert message is not None
    assert message.value() == b"kept"
    assert committed[0].offset == 7


def test_the_offset_of_a_time_is_answered(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for second in (1, 2, 3):
        producer.produce(topic, b"event", timestamp=second * 1000)
    producer.flush(10)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})

    answers = admin.list_offsets({TopicPartition(topic, 0): OffsetSpec.for_timestamp(1500)})

    assert answers[TopicPartition(topic, 0)].result(10).offset == 1


def test_an_unknown_topic_is_an_error_and_is_not_made(kafka: Kafka) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "topic.metadata.propagation.max.ms": 100})
    failures: list[KafkaError | None] = []

    producer.produce("no-such-topic", b"", on_delivery=lambda error, _: failures.append(error))
    producer.flush(10)

    # librdkafka's own word, or the broker's, whichever comes first.
    (failure,) = failures
    assert failure is not None
    assert failure.code() in {KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART}
    assert (
        "no-such-topic"
        not in AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(timeout=10).topics
    )


def test_the_version_is_the_brokers_own_word(kafka: Kafka) -> None:
    assert kafka.version == "4.1.0"


def test_topics_survive_a_restart_even_on_other_ports(tmp_path: Path) -> None:
    require_kafka()
    book = PortBook(tmp_path / "ports.json")
    with Starting(KafkaPart(tmp_path, print), book) as first:
        before = Kafka.of(first.wait())
        topic = before.create_topic(3)

    taken = [socket.create_server(("127.0.0.1", port)) for port in book.recall("kafka")]
    try:
        with Starting(KafkaPart(tmp_path, print), book) as second:
            after = Kafka.of(second.wait())
            topics = AdminClient({"bootstrap.servers": after.bootstrap_servers}).list_topics(timeout=10).topics
            reached = produce(after, topic)
    finally:
        for port in taken:
            port.close()

    assert before.bootstrap_servers != after.bootstrap_servers
    assert len(topics[topic].partitions) == 3
    assert reached


def produce(kafka: Kafka, topic: str) -> bool:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(topic, b"event")
    return producer.flush(20) == 0


def test_a_broker_that_cannot_start_fails_at_once_with_its_own_words(tmp_path: Path) -> None:
    require_kafka()
    broken = KafkaPart(tmp_path, print, {"metric.reporters": "org.hangtag.NoSuchClass"})

    with (
        pytest.raises(Refused, match=r"kafka ended instead of starting(?s:.*)NoSuchClass"),
        Starting(broken, PortBook(tmp_path / "ports.json")) as starting,
    ):
        starting.wait()


def test_a_folder_that_cannot_be_formatted_is_told_in_the_tools_words(tmp_path: Path) -> None:
    require_kafka()
    broken = KafkaPart(tmp_path, print, {"num.io.threads": "many"})

    with pytest.raises(Refused, match=r"could not format(?s:.*)Invalid value many"):
        Starting(broken, PortBook(tmp_path / "ports.json"))

    assert not (tmp_path / "kafka" / "data").exists()
