# SPDX-License-Identifier: Apache-2.0
"""The broker that the suite and the demo run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

if TYPE_CHECKING:
    from tests.support.kafka import Kafka

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
