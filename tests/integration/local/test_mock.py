# SPDX-License-Identifier: Apache-2.0
"""librdkafka's mock cluster, for machines without Java."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer, libversion
from confluent_kafka.admin import AdminClient

from consumer.local import parts
from consumer.local.mock import MockPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from consumer.settings import Delivery
from tests.support.bundles import write_tiny_bundle
from tests.support.triton import require_triton
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.local.kafka import KafkaStatus


@pytest.fixture
def mock(tmp_path: Path) -> Iterator[KafkaStatus]:
    with Starting(MockPart(tmp_path, ["events", "outputs"], 6), PortBook(tmp_path / "ports.json")) as starting:
        yield starting.wait()


def test_its_topics_have_the_partitions_that_were_asked_for(mock: KafkaStatus) -> None:
    topics = AdminClient({"bootstrap.servers": mock.bootstrap_servers}).list_topics(timeout=10).topics

    assert {name: len(topic.partitions) for name, topic in topics.items()} == {"events": 6, "outputs": 6}


def test_it_says_what_it_is(mock: KafkaStatus) -> None:
    assert mock.version == f"mock {libversion()[0]}"
    assert mock.is_mock


def test_a_group_reads_what_another_process_wrote(mock: KafkaStatus) -> None:
    producer = Producer({"bootstrap.servers": mock.bootstrap_servers})
    for number in range(20):
        producer.produce("events", str(number), key=str(number))
    producer.flush(10)
    reader = Consumer({"bootstrap.servers": mock.bootstrap_servers, "group.id": "g", "auto.offset.reset": "earliest"})
    seen: set[bytes | None] = set()

    def read_on() -> bool:
        message = reader.poll(1)
        if message is not None and message.error() is None:
            seen.add(message.value())
        return len(seen) == 20

    reader.subscribe(["events"])
    try:
        wait_until(read_on, 30, "20 events")
    finally:
        reader.close()
    assert seen == {str(number).encode() for number in range(20)}


@pytest.mark.triton
def test_without_java_the_parts_come_up_on_it_and_promise_at_least_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    require_triton()
    monkeypatch.setenv("PATH", path_without_java(tmp_path / "bin"))
    said: list[str] = []

    with parts.start(
        tmp_path / "state", bundle=write_tiny_bundle(tmp_path / "bundle"), progress=said.append, mock_without_java=True
    ) as running:
        kafka = running.status.kafka
        variables = parts.environment(running.status)

    assert kafka is not None
    assert kafka.is_mock
    assert running.status.delivery is Delivery.AT_LEAST_ONCE
    assert variables["HANGTAG_ENGINE__DELIVERY"] == "at_least_once"
    assert any("Java 17 is missing" in line and "at_least_once" in line for line in said)


def path_without_java(folder: Path) -> str:
    """The programs that Triton needs, and no Java."""
    folder.mkdir()
    for name in ("ldd", "bash", "sh", "cat", "uname"):
        program = shutil.which(name)
        assert program is not None
        (folder / name).symlink_to(program)
    return str(folder)
