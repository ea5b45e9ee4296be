# SPDX-License-Identifier: Apache-2.0
"""A broker that stands still for longer than sending offsets may take, at any moment and at the worst one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.errors import StaleGeneration
from tests.chaos.broker import Broker
from tests.chaos.cards import LIMIT_S
from tests.chaos.failpoints import Failpoint
from tests.chaos.run import Run, staged
from tests.chaos.scenario import Scenario
from tests.support.engine import DEFAULT_TIMEOUTS
from tests.support.kafka import require_kafka

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

#: Sending offsets is given up after 15 s.
FREEZE_S = 25.0
UNTIL_THE_BROKER_IS_FROZEN_S = 3.0


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Two processes."""
    require_kafka()
    scenario = Scenario("range-static", 4, 4000, {}, commit_intervals_s=(0.1,), **DEFAULT_TIMEOUTS)
    with Broker(tmp_path / "broker") as broker, staged(scenario, broker.kafka, tmp_path / "run", broker) as staged_run:
        staged_run.crew.let(
            lambda: all(slot.partitions for slot in staged_run.crew.slots[:2]), LIMIT_S, "partitions for both"
        )
        yield staged_run


@pytest.mark.full
def test_processes_at_work_wait_for_it_or_start_again(run: Run) -> None:
    run.source.write(4000)
    run.crew.let(lambda: all(slot.is_busy for slot in run.crew.slots[:2]), LIMIT_S, "two busy processes")
    run.cards.freeze_broker(FREEZE_S)
    report = run.play()

    print(f"\n{report.text()}")
    assert report.faults == [], f"timeline and logs: {run.folder}\n{report.text()}"
    assert set(report.exits) <= {"0", str(StaleGeneration.exit_code)}


def test_a_process_that_sends_offsets_to_it_starts_again(run: Run) -> None:
    run.source.write(4000)
    victim = run.cards.freeze_at(Failpoint.BEFORE_OFFSETS, UNTIL_THE_BROKER_IS_FROZEN_S)
    run.cards.freeze_broker(FREEZE_S)
    report = run.play()

    print(f"\n{report.text()}")
    assert report.faults == [], f"timeline and logs: {run.folder}\n{report.text()}"
    assert victim.exits[0] == StaleGeneration.exit_code
    assert "has not come back from sending offsets" in victim.log.read_text()
