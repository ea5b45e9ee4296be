# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.engine import Event, Feed, echo, engine_settings, read_committed, running, source
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from consumer.events import Delivery, Outcome
    from tests.support.kafka import Kafka

pytestmark = pytest.mark.kafka


def test_every_event_comes_out_once(kafka: Kafka) -> None:
    topics = kafka.create_topics(4)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)

    async def handle(delivery: Delivery) -> Outcome:
        return echo(topics, delivery)

    Feed(kafka.bootstrap_servers, topics.events).write([Event(b"k%d" % (n % 50), b"%d" % n) for n in range(1000)])
    with running(settings, handle) as run:
        wait_until(lambda: run.failures or run.value("hangtag_results_published_total") == 1000, 30)

    out = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert sorted(int(m.value()) for m in out) == list(range(1000))
    assert len({source(m) for m in out}) == 1000
