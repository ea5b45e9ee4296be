# SPDX-License-Identifier: Apache-2.0
"""The small chaos of every test run, with another seed by CHAOS_SEED; the long one is `make chaos`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.chaos.run import staged
from tests.chaos.scenario import Scenario

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]

DECK = {"kill": 19, "takeover": 2, "term": 1, "freeze 2 s": 1, "freeze before offsets": 1, "before commit": 1}


def test_twenty_kills_lose_repeat_and_reorder_nothing(kafka: Kafka, tmp_path: Path) -> None:
    scenario = Scenario(
        "range-static",
        int(os.environ.get("CHAOS_SEED", "1")),
        50_000,
        DECK,
        pause_s=(0.1, 0.4),
        mean_delay_s=0.05,
        session_timeout_s=4,
    )

    with staged(scenario, kafka, tmp_path / "run") as run:
        report = run.play()

    print(f"\n{report.text()}")
    assert report.faults == [], f"timeline and logs: {run.folder}\n{report.text()}"
    assert report.events >= 50_000
    assert report.kills >= 20
    assert len(report.takeovers_s) == 2
    assert report.left_open > 0
    assert report.aborts
