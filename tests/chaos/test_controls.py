# SPDX-License-Identifier: Apache-2.0
"""Negative controls: an oracle that never cried proves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.run import staged
from tests.chaos.scenario import Scenario

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]


#: Without order every event runs at once; it must take so long that a slow broker brings enough of them meanwhile.
MEAN_DELAY_S = {"forget_order": 1.0}


@pytest.mark.parametrize(
    ("sabotage", "fault", "count"),
    [
        ("commit_offsets_outside", "before commit", "missing"),
        ("forget_bitmaps", "kill", "duplicates"),
        ("forget_order", "kill", "order_breaks"),
    ],
)
def test_the_oracle_notices_a_broken_promise(
    kafka: Kafka, tmp_path: Path, sabotage: str, fault: str, count: str
) -> None:
    scenario = Scenario(
        "range-static",
        2,
        6000,
        {fault: 3},
        pause_s=(0.1, 0.2),
        mean_delay_s=MEAN_DELAY_S.get(sabotage, 0.1),
        commit_intervals_s=(0.1,),
        sabotage=sabotage,
    )

    with staged(scenario, kafka, tmp_path / "run") as run:
        report = run.play()

    assert report.verdict is not None
    assert getattr(report.verdict, count) > 0
    assert str(report.verdict) in report.faults
