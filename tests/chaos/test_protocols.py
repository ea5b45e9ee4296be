# SPDX-License-Identifier: Apache-2.0
"""Every kind of fault under every group protocol, on a broker that is struck too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.broker import Broker
from tests.chaos.protocols import PROTOCOLS
from tests.chaos.run import staged
from tests.chaos.scenario import FULL_DECK, Scenario, scaled
from tests.support.kafka import require_kafka

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.full, pytest.mark.timeout(900)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_tenth_of_the_full_chaos_loses_repeats_and_reorders_nothing(tmp_path: Path, protocol: str) -> None:
    require_kafka()
    scenario = Scenario(protocol, seed=7, events=15_000, deck=scaled(FULL_DECK, 0.1))

    with Broker(tmp_path / "broker") as broker, staged(scenario, broker.kafka, tmp_path / "run", broker) as run:
        report = run.play()

    print(f"\n{report.text()}")
    assert report.faults == [], f"timeline and logs: {run.folder}\n{report.text()}"
