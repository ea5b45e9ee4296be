# SPDX-License-Identifier: Apache-2.0
"""Processes that stop at the worst moments of a transaction, each exactly there: for good, or for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.errors import Fenced, StaleGeneration
from tests.chaos.cards import LIMIT_S
from tests.chaos.failpoints import Failpoint
from tests.chaos.run import PARTITIONS, Run, staged
from tests.chaos.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.chaos.report import Report
    from tests.chaos.slot import Slot
    from tests.support.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

SESSION_S = 2
#: The new owner says so of the committed offsets that an open transaction holds back.
WAITS = "waiting_for_committed_offsets"


class Stage:
    """Makes runs of two members, whose session is shorter than their transactions may take."""

    def __init__(self, kafka: Kafka, folder: Path) -> None:
        self._kafka = kafka
        self._folder = folder

    def run(
        self, deck: Mapping[str, int], *, protocol: str = "range-static", transaction_timeout_s: float = 5
    ) -> AbstractContextManager[Run]:
        scenario = Scenario(
            protocol,
            seed=3,
            events=2000,
            pause_s=(0.1, 0.3),
            deck=deck,
            commit_intervals_s=(0.1,),
            session_timeout_s=SESSION_S,
            transaction_timeout_s=transaction_timeout_s,
        )
        return staged(scenario, self._kafka, self._folder / "run")


@pytest.fixture
def stage(kafka: Kafka, tmp_path: Path) -> Stage:
    return Stage(kafka, tmp_path)


def assert_clean(run: Run, report: Report) -> None:
    assert report.faults == [], f"timeline and logs: {run.folder}\n{report.text()}"


@pytest.mark.parametrize(
    ("point", "protocol"),
    [
        (Failpoint.BEFORE_OFFSETS, "range"),
        (Failpoint.BEFORE_COMMIT, "cooperative-sticky"),
        (Failpoint.DURING_COMMIT, "kip-848"),
    ],
)
def test_a_death_in_a_transaction_loses_and_repeats_nothing(stage: Stage, point: Failpoint, protocol: str) -> None:
    with stage.run({point.label: 1}, protocol=protocol) as run:
        report = run.play()

    assert_clean(run, report)
    assert report.failpoints == {point.label: 1}
    assert report.exits["-9"] == 1
    assert report.left_open >= 1


def test_a_death_while_waiting_for_the_transaction_of_the_owner_before_loses_and_repeats_nothing(stage: Stage) -> None:
    with stage.run({Failpoint.COMMITTED_WAIT.label: 1}) as run:
        report = run.play()

    assert_clean(run, report)
    assert report.failpoints[Failpoint.COMMITTED_WAIT.label] == 1
    assert len(report.takeovers_s) >= 1


def frozen_at(run: Run, point: Failpoint) -> tuple[Slot, Slot]:
    """A busy member that froze there until it is thawed, while both had partitions; and the other one."""
    run.crew.let(lambda: all(slot.partitions for slot in run.crew.slots[:2]), LIMIT_S, "partitions for both")
    run.source.write(2000)
    victim = run.cards.freeze_at(point, LIMIT_S)
    (heir,) = (slot for slot in run.crew.slots[:2] if slot is not victim)
    return victim, heir


def frozen_until_replaced(run: Run, point: Failpoint) -> Slot:
    """A member that froze there until the other one had all partitions: by the broker's clock, which may be late."""
    victim, heir = frozen_at(run, point)
    run.crew.let(lambda: len(heir.partitions) == PARTITIONS, LIMIT_S, "an heir of all partitions")
    run.crew.thaw(victim)
    run.crew.let(lambda: victim.exits, LIMIT_S, "the end of what was frozen")
    return victim


def test_a_process_frozen_for_longer_than_its_transaction_may_take_asks_to_be_restarted(stage: Stage) -> None:
    with stage.run({}) as run:
        victim = frozen_until_replaced(run, Failpoint.BEFORE_COMMIT)
        report = run.play()

    assert_clean(run, report)
    assert victim.exits[0] in {Fenced.exit_code, StaleGeneration.exit_code}


def test_a_process_frozen_for_longer_than_its_session_commits_what_it_sent_and_its_heir_waits(stage: Stage) -> None:
    with stage.run({}, transaction_timeout_s=60) as run:
        victim, heir = frozen_at(run, Failpoint.BEFORE_COMMIT)
        run.crew.let(lambda: WAITS in heir.log.read_text(), LIMIT_S, "an heir that waits")
        run.crew.thaw(victim)
        report = run.play()

    assert_clean(run, report)


def test_a_process_frozen_for_longer_than_its_session_sends_no_offsets(stage: Stage) -> None:
    with stage.run({}, transaction_timeout_s=60) as run:
        victim = frozen_until_replaced(run, Failpoint.BEFORE_OFFSETS)
        report = run.play()

    assert_clean(run, report)
    assert victim.exits[0] == StaleGeneration.exit_code
