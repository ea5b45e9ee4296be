# SPDX-License-Identifier: Apache-2.0
"""A client that never finds the brokers again, while others do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.errors import StaleGeneration
from consumer.kafka import second_opinion
from consumer.kafka.watch import GroupWatch
from tests.support.engine import Echo, Feed, engine_settings, numbered, running
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from tests.support.kafka import Kafka

pytestmark = pytest.mark.kafka

LIMIT_S = 60


def test_it_asks_for_a_fresh_start(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_opinion, "ASK_EVERY_S", 1.0)
    topics = kafka.create_topics(1)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    with running(settings, Echo(topics)) as run:
        Feed(kafka.bootstrap_servers, topics.events).write(numbered(10))
        run.wait_for(10)

        # What such a client would say for ever; nothing that a test can do to a broker brings it about for certain.
        monkeypatch.setattr(GroupWatch, "is_reachable", property(lambda _: False))
        wait_until(lambda: run.failures, LIMIT_S, "the end of the loop")

        (failure,) = run.failures
        assert isinstance(failure, StaleGeneration)
        assert "a fresh one does" in str(failure)
        run.failures.clear()
