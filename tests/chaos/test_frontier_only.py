# SPDX-License-Identifier: Apache-2.0
"""For comparison, the loop without bitmaps: just as correct, but one slow event holds back its whole partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.broker import Broker
from tests.chaos.run import staged
from tests.chaos.scenario import FRONTIER_ONLY, Scenario
from tests.support.engine import (
    Echo,
    Feed,
    committed_offsets,
    engine_settings,
    numbered,
    read_committed,
    running,
    source,
)
from tests.support.kafka import require_kafka
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.full, pytest.mark.timeout(600)]

DECK = {"kill": 6, "takeover": 1, "freeze before offsets": 1, "term": 1, "before commit": 1}
LIMIT_S = 60


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    require_kafka()
    with Broker(tmp_path_factory.mktemp("broker"), FRONTIER_ONLY) as running_broker:
        yield running_broker


def test_it_loses_repeats_and_reorders_nothing(broker: Broker, tmp_path: Path) -> None:
    scenario = Scenario("range-static", 5, 10_000, DECK, session_timeout_s=4, is_frontier_only=True)

    with staged(scenario, broker.kafka, tmp_path / "run", broker) as run:
        report = run.play()

    print(f"\n{report.text()}")
    assert report.faults == [], f"timeline and logs: {run.folder}\n{report.text()}"
    assert report.bitmaps == report.already_done == 0


def test_one_slow_event_holds_back_all_that_finish_behind_it(broker: Broker) -> None:
    kafka = broker.kafka
    topics = kafka.create_topics(2)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    stages = Echo(topics, held=b"key-3")
    feed = Feed(kafka.bootstrap_servers, topics.events)
    feed.write(numbered(200, keys=10), partition=0)

    with running(settings, stages) as run:
        wait_until(lambda: len(stages.ran) == 181, LIMIT_S, "everything but the slow key to run")
        feed.write(numbered(1), partition=1)
        run.wait_for(3 + 1)
        assert run.published == 3 + 1
        assert committed_offsets(settings, 1) == {0: (3, "")}
        stages.gate.open()
        run.wait_for(201)

    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert len(outputs) == len({source(m) for m in outputs}) == 201
