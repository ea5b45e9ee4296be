# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import KafkaError, KafkaException

from consumer.errors import BrokerUnavailable
from consumer.kafka import topics
from consumer.settings import KafkaSettings
from tests.support.clock import Clock

if TYPE_CHECKING:
    from confluent_kafka.admin._metadata import ClusterMetadata


class Absent:
    """A client whose broker is not there."""

    def __init__(self, clock: Clock) -> None:
        self.asked_s: list[float] = []
        self._clock = clock

    def list_topics(self, topic: str = "", timeout: float = -1) -> ClusterMetadata:
        del topic
        self.asked_s.append(timeout)
        self._clock.now_s += timeout
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))


def test_no_question_to_an_absent_broker_keeps_a_signal_waiting_for_long(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    absent = Absent(clock)
    monkeypatch.setattr(time, "monotonic", clock)

    with pytest.raises(BrokerUnavailable, match="within 30 s"):
        topics.ask_metadata(absent, KafkaSettings(bootstrap_servers="nowhere:1"), 30)

    assert absent.asked_s[:4] == [1, 1, 2, 4]
    assert max(absent.asked_s) == 4
    assert sum(absent.asked_s) == pytest.approx(30, abs=0.1)
    assert capfd.readouterr().err == "waiting for the broker at nowhere:1, 30 s at most\n"
