# SPDX-License-Identifier: Apache-2.0
"""A process that stops at the worst moments of a transaction: one after the other, each exactly there."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from consumer.errors import Fenced, StaleGeneration
from tests.chaos.cards import LIMIT_S
from tests.chaos.failpoints import Failpoint
from tests.chaos.run import Run, staged
from tests.chaos.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

#: Timeout of the transaction, and the interval in which the broker looks for those that are over it.
TRANSACTION_S, SWEEP_S = 5, 10


@pytest.fixture
def run(request: pytest.FixtureRequest, kafka: Kafka, tmp_path: Path) -> Iterator[Run]:
    """Two members at work. The session is shorter than a transaction: who takes over has to wait for its end."""
    deck = getattr(request, "param", {})
    scenario = Scenario(
        "range-static",
        3,
        3000,
        deck,
        commit_intervals_s=(0.1,),
        session_timeout_s=2,
        transaction_timeout_s=TRANSACTION_S,
    )
    with staged(scenario, kafka, tmp_path / "run") as run:
        yield run


@pytest.mark.parametrize(
    ("run", "point"),
    [
        ({"before offsets": 1}, "before_offsets"),
        ({"before commit": 1}, "before_commit"),
        ({"during commit": 1}, "during_commit"),
    ],
    indirect=["run"],
)
def test_a_death_in_a_transaction_loses_and_repeats_nothing(run: Run, point: str) -> None:
    report = run.play()

    assert report.faults == [], f"timeline and logs: {run.folder}\n{report.text()}"
    assert report.failpoints == {point: 1}
    assert report.exits["-9"] == 1
    assert report.left_open >= 1


@pytest.mark.parametrize("run", [{"committed wait": 1}], indirect=True)
def test_a_death_while_waiting_for_the_transaction_of_the_owner_before_loses_and_repeats_nothing(run: Run) -> None:
    report = run.play()

    assert report.faults == [], f"timeline and logs: {run.folder}\n{report.text()}"
    assert report.failpoints == {"before_commit": 1, "committed_wait": 1}
    assert len(report.takeovers_s) == 1


def test_a_process_frozen_for_longer_than_its_transaction_may_take_asks_to_be_restarted(run: Run) -> None:
    crew = run.crew
    crew.let(lambda: all(slot.partitions for slot in crew.slots[:2]), LIMIT_S, "partitions for both")
    run.source.write(2000)
    victim = run.cards.hit(lambda _: True)
    run.cards.let_fail([victim], Failpoint.BEFORE_COMMIT, signal.SIGSTOP)
    crew.freeze(victim, TRANSACTION_S + SWEEP_S + 2)
    crew.let(lambda: victim.exits, LIMIT_S, "the end of what was frozen")

    report = run.play()

    assert victim.exits[0] in {Fenced.exit_code, StaleGeneration.exit_code}
    assert report.faults == [], f"timeline and logs: {run.folder}\n{report.text()}"
