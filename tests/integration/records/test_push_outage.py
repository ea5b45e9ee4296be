# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from consumer.errors import BrokerUnavailable
from consumer.feeds.producer import EventProducer
from consumer.feeds.push import push
from consumer.feeds.rows import EventRow, Row, read_events
from consumer.registry.bundled import BundledCodec
from consumer.settings import KafkaSettings
from tests.schemas.examples import MOMENT
from tests.support.rows import none_is_bad
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Broker:
    """A mock broker in a process of its own, so that it can die."""

    def __init__(self, folder: Path) -> None:
        self.address_file = folder / "address"
        command = [sys.executable, "-m", "consumer.local.mock", "--partitions", "3", "--topic", "events"]
        self.process = subprocess.Popen([*command, "--address-file", str(self.address_file)], stderr=subprocess.DEVNULL)

    def settings(self) -> KafkaSettings:
        wait_until(self.address_file.exists, 20, "the mock broker")
        address = self.address_file.read_text().split()[0]
        return KafkaSettings(bootstrap_servers=address, properties={"message.timeout.ms": "1000"})

    def die(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    yield broker
    broker.die()


def test_a_broker_that_dies_in_the_middle_ends_the_push_with_what_is_known(mortal: Broker) -> None:
    producer = EventProducer(mortal.settings(), "events", BundledCodec())

    def rows() -> Iterator[EventRow]:
        """Fifty before the broker dies; then a feed that never ends, so that only the failure can end it."""
        number = 0
        while True:
            number += 1
            if number == 50:
                producer._producer.flush(10)
                mortal.die()
            (row,) = read_events([Row(number, {"sku": str(number), "vendor_id": "acme"})], MOMENT)
            assert isinstance(row, EventRow)
            yield row

    with pytest.raises(BrokerUnavailable, match=r"stopped taking events after 49 of \d+ rows"):
        push(rows(), producer, none_is_bad)
