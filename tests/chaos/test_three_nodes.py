# SPDX-License-Identifier: Apache-2.0
"""A cluster of three under load: nodes are restarted in turn, and the one that coordinates everything is killed."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.chaos.aftermath import Ends
from tests.chaos.crew import Crew
from tests.chaos.gaps import Reader
from tests.chaos.oracle import Verdict, judge, records_of
from tests.chaos.protocols import PROTOCOLS
from tests.chaos.slot import Plan, Slot
from tests.chaos.source import Source
from tests.chaos.timeline import Timeline
from tests.chaos.worker import BAD
from tests.support.cluster import NODES, Cluster, group_led_with_its_transactions, three_nodes
from tests.support.engine import DEFAULT_TIMEOUTS, engine_settings, read_committed
from tests.support.kafka import require_kafka
from tests.support.processes import Family

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PARTITIONS = 4
#: Three apart, so that one node coordinates the transactions of both.
SLOTS = ("0", "3")
#: A dead node is missed after 3 s, not 9, which shortens the test and not the way back.
IMPATIENT = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}
#: More than the workers hold and finish until the node is dead, so that every partition has work on both sides of it.
EVENTS_PER_ROUND = 4000
MEAN_DELAY_S = 0.5
KILLS = 10
LIMIT_S = 60.0
#: A client that hangs is ended after its transaction's time and 30 s more, and its next life needs a while.
RECOVERY_LIMIT_S = 180.0
#: A node is missed after 3 s and another coordinates soon after; a client that hangs in sending offsets is ended after
#: 15 s; the rest is for a fresh start on a busy machine. A gap of the hang watch, 60 s, is longer than this.
GAP_LIMIT_S = 45.0


@dataclass
class Load:
    """Two workers, what they are given, and somebody who reads what comes out."""

    cluster: Cluster
    settings: Settings
    source: Source
    crew: Crew
    reader: Reader
    gaps_s: list[float] = field(default_factory=list)

    def fill(self) -> None:
        self.source.write(EVENTS_PER_ROUND)
        self.crew.let(lambda: all(slot.is_busy for slot in self.crew.slots), LIMIT_S, "two busy workers")

    def kill_the_coordinator(self) -> None:
        """SIGKILL; when outputs come again the node returns. Ends when the workers have nothing left to do."""
        group_id = self.settings.kafka.group_id
        self.cluster.lead_again()
        self.crew.let(lambda: len(self.cluster.coordinators(group_id, SLOTS)) == 1, LIMIT_S, "one coordinator for all")
        victim = self.cluster.coordinator_of_group(group_id)
        leads_quorum = self.cluster.quorum_leader() == victim
        filled_s = time.monotonic()
        self.fill()
        self.cluster.nodes[victim].kill()
        self.crew.let(
            lambda: self.cluster.coordinator_of_group(group_id) not in {victim, -1}, LIMIT_S, "another coordinator"
        )
        moved_s = time.monotonic()
        self.crew.let(lambda: self.reader.has_all_since(moved_s), RECOVERY_LIMIT_S, "outputs of all partitions again")
        self.bring_back(victim)
        # A client may hang as late as in the transaction after the next.
        self.crew.let(self._is_idle, RECOVERY_LIMIT_S, "all of the round's outputs")
        self.gaps_s.append(self.reader.longest_gap_s(filled_s))
        exits = [code for slot in self.crew.slots for code in slot.exits]
        self.crew.timeline.add(
            "node kill", node=victim, leads_quorum=leads_quorum, gap_s=round(self.gaps_s[-1], 1), exits=exits
        )

    def restart_one_after_the_other(self) -> None:
        for number in NODES:
            self.fill()
            self.cluster.nodes[number].stop()
            self.bring_back(number)
            back_s = time.monotonic()
            self.fill()
            self.crew.let(partial(self.reader.has_all_since, back_s), RECOVERY_LIMIT_S, "outputs")
            self.crew.timeline.add("node restart", node=number)

    def bring_back(self, number: int) -> None:
        self.cluster.nodes[number].start()
        self.cluster.nodes[number].wait()
        self.crew.let(self.cluster.is_in_sync, LIMIT_S, "three copies of everything")

    def _is_idle(self) -> bool:
        return all(slot.partitions and not slot.tally.get("held") for slot in self.crew.slots)

    def finish(self) -> Verdict:
        """Wait for the end of the input and stop the workers; the oracle's word."""
        written = self.source.finish()
        ends = Ends(self.settings, PARTITIONS)
        self.crew.let(ends.is_through, RECOVERY_LIMIT_S, "the end of the input")
        for slot in self.crew.slots:
            self.crew.dismissed.add(slot.name)
            slot.terminate()
        self.crew.let(lambda: not any(slot.is_up for slot in self.crew.slots), LIMIT_S, "the end of the workers")
        assert ends.faults() == []
        assert [slot.exits[-1] for slot in self.crew.slots] == [0, 0]
        topics = self.settings.topics
        outputs = read_committed(self.settings.kafka.bootstrap_servers, [topics.attributes, topics.dead_letters])
        return judge(written, self.source.aborted, BAD, records_of(outputs))

    def report(self) -> str:
        exits = dict(Counter(code for slot in self.crew.slots for code in slot.exits))
        redone = self.crew.total("started") - len(self.source.values)
        gaps = [round(gap, 1) for gap in self.gaps_s]
        return (
            f"{len(self.source.values)} events, {len(self.source.aborted)} aborted input records, exits {exits}, "
            f"redone {redone}, gaps after kills {gaps} s, longest {max(gaps, default=0)} s"
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    require_kafka()
    with three_nodes(tmp_path_factory.mktemp("cluster"), IMPATIENT) as running:
        yield running


@contextmanager
def under_load(cluster: Cluster, folder: Path) -> Iterator[Load]:
    """Both workers at work; neither outlives the block."""
    servers = cluster.kafka.bootstrap_servers
    topics = cluster.kafka.create_topics(PARTITIONS)
    cluster.lead_again()
    group_id = group_led_with_its_transactions(cluster, SLOTS)
    settings = engine_settings(servers, topics, group_id, kafka={**DEFAULT_TIMEOUTS})
    sections = {name: getattr(settings, name).model_dump() for name in ("kafka", "topics", "engine")}
    plan = Plan(sections, MEAN_DELAY_S, PROTOCOLS["range-static"])
    family = Family()
    slots = [Slot(name, folder, plan, family.environment) for name in SLOTS]
    crew = Crew(slots, Timeline(folder / "timeline.jsonl"))
    source = Source(servers, topics.events, PARTITIONS, random.Random(int(os.environ.get("CHAOS_SEED", "1"))))
    with ExitStack() as stack:
        for slot in slots:
            stack.callback(slot.end)
        reader = stack.enter_context(Reader(servers, topics.attributes, PARTITIONS))
        crew.let(lambda: all(slot.partitions for slot in slots), LIMIT_S, "partitions for both")
        yield Load(cluster, settings, source, crew, reader)


def verdict_after(load: Load, what: str, times: int) -> Verdict:
    """The oracle's word, once `what` has happened so often and nobody had to wait for too long."""
    verdict = load.finish()
    print(f"\n{load.report()}: {verdict}")
    for entry in load.crew.timeline.entries:
        print(f"  {entry}")
    assert len(load.crew.timeline.of(what)) == times
    assert all(0 < gap_s < GAP_LIMIT_S for gap_s in load.gaps_s)
    assert len(load.gaps_s) == len(load.crew.timeline.of("node kill"))
    return verdict


@pytest.mark.timeout(400)
def test_the_node_that_coordinates_group_and_transactions_dies_under_load(cluster: Cluster, tmp_path: Path) -> None:
    with under_load(cluster, tmp_path) as load:
        load.kill_the_coordinator()
        assert verdict_after(load, "node kill", 1).is_clean


@pytest.mark.full
@pytest.mark.timeout(2400)
def test_it_dies_ten_times(cluster: Cluster, tmp_path: Path) -> None:
    with under_load(cluster, tmp_path) as load:
        for _ in range(KILLS):
            load.kill_the_coordinator()
        assert verdict_after(load, "node kill", KILLS).is_clean


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_rolling_restart_of_the_cluster_is_only_late(cluster: Cluster, tmp_path: Path) -> None:
    with under_load(cluster, tmp_path) as load:
        load.restart_one_after_the_other()
        assert verdict_after(load, "node restart", len(NODES)).is_clean
