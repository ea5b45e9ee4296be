# SPDX-License-Identifier: Apache-2.0
"""Connections to the broker that break under load, while the broker itself is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.errors import StaleGeneration
from tests.chaos.cards import LIMIT_S
from tests.chaos.run import staged
from tests.chaos.scenario import Scenario
from tests.support.engine import DEFAULT_TIMEOUTS
from tests.support.toxiproxy import Proxied, Proxy, proxied_broker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

ROUNDS = 3
EVENTS_PER_ROUND = 2000


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with proxied_broker(tmp_path_factory.mktemp("proxied")) as running_broker:
        yield running_broker


@pytest.mark.parametrize("break_connections", [pytest.param(Proxy.reset, marks=pytest.mark.full), Proxy.cut])
def test_processes_reconnect_or_start_again(
    broker: Proxied, tmp_path: Path, break_connections: Callable[[Proxy], None]
) -> None:
    scenario = Scenario("range-static", 6, 0, {}, commit_intervals_s=(0.1,), **DEFAULT_TIMEOUTS)

    with staged(scenario, broker.direct, tmp_path / "run", through=broker.bootstrap_servers) as run:
        crew, both = run.crew, run.crew.slots[:2]
        for number in range(1, ROUNDS + 1):
            crew.let(lambda: all(slot.partitions for slot in both), LIMIT_S, "partitions for both")
            run.source.write(EVENTS_PER_ROUND)
            crew.let(lambda: all(slot.is_busy for slot in both), LIMIT_S, "two busy processes")
            crew.timeline.add("broker connections broken")
            break_connections(broker.proxy)
            crew.let(lambda: crew.total("held") == 0, LIMIT_S, "everything to be published")
            # A break hangs a client once at most, and ends its process; the next one finds everything well.
            assert all(len(slot.exits) <= number for slot in both), run.folder
        report = run.play()

    print(f"\n{report.text()}")
    assert report.faults == [], f"timeline and logs: {run.folder}\n{report.text()}"
    # A client that is cut off while it sends offsets hangs, and its process is ended (`hang.py`).
    assert set(report.exits) <= {"0", str(StaleGeneration.exit_code)}
