# SPDX-License-Identifier: Apache-2.0
"""One run: a group at work on an input that grows, faults, the end of the input, and the verdict."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chaos.aftermath import Ends, faults_of_processes
from tests.chaos.cards import Cards
from tests.chaos.crew import Crew
from tests.chaos.oracle import judge, records_of
from tests.chaos.protocols import PROTOCOLS
from tests.chaos.report import Report
from tests.chaos.slot import Plan, Slot
from tests.chaos.source import Source
from tests.chaos.timeline import Timeline
from tests.chaos.worker import BAD
from tests.support.engine import engine_settings, read_committed
from tests.support.processes import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from consumer.settings import Settings
    from tests.chaos.broker import Broker
    from tests.chaos.scenario import Scenario
    from tests.support.kafka import Kafka

PARTITIONS = 4
SLOTS = ("0", "1")
GUEST = "guest"
START_LIMIT_S = 90.0
FINISH_LIMIT_S = 240.0
STOP_LIMIT_S = 60.0
LOOK_EVERY_S = 0.5
#: What a process may have grown by between its first assignment and the end of all work.
GROWTH_MIB = 96
_MIB = 1 << 20
_ABORTED = re.compile(r'"error": "(\w+)[^"]*".*"event": "transaction_aborted"')


@dataclass
class Run:
    """Everything that one scenario needs, up and at work."""

    scenario: Scenario
    settings: Settings
    source: Source
    crew: Crew
    cards: Cards
    family: Family
    folder: Path

    def play(self, progress: Callable[[str], None] = lambda _: None) -> Report:
        """Deal the faults, let the input come to its end, stop the workers; what came of it."""
        started_s = time.monotonic()
        report = Report(self.scenario.protocol, self.scenario.seed)
        self._start(report)
        self._deal(progress)
        written = self._finish(report)
        topics = self.settings.topics
        outputs = read_committed(self.settings.kafka.bootstrap_servers, [topics.attributes, topics.dead_letters])
        report.verdict = judge(written, self.source.aborted, BAD, records_of(outputs))
        report.events, report.aborted_input = len(written), len(self.source.aborted)
        report.seconds = round(time.monotonic() - started_s, 1)
        self._count(report)
        self._find_faults(report)
        report.save(self.folder)
        return report

    def _start(self, report: Report) -> None:
        self._let_all_be_at_work()
        report.rss_mib["start"] = self._rss_mib()

    def _let_all_be_at_work(self) -> None:
        regulars = [slot for slot in self.crew.slots if slot.name in SLOTS]
        self.crew.let(
            lambda: all(slot.is_working and slot.partitions for slot in regulars), START_LIMIT_S, "all to be at work"
        )

    def _deal(self, progress: Callable[[str], None]) -> None:
        dealt, play = self.scenario.dealt(), self.cards.by_name()
        share = self.scenario.events // max(1, len(dealt)) + 1
        for number, name in enumerate(dealt, 1):
            self.source.write(max(0, min(share, self.scenario.events - len(self.source.values))))
            progress(f"{self.crew.timeline.now_s:6.0f} s  {number}/{len(dealt)}  {name}")
            play[name]()
            self.crew.let_pass(self.cards.randomness.uniform(*self.scenario.pause_s))
        self.source.write(max(0, self.scenario.events - len(self.source.values)))

    def _finish(self, report: Report) -> dict[str, bytes]:
        written = self.source.finish()
        ends = Ends(self.settings, PARTITIONS)
        deadline_s = time.monotonic() + FINISH_LIMIT_S
        while not ends.is_through():
            assert time.monotonic() < deadline_s, f"not through after {FINISH_LIMIT_S} s: {ends.faults()}"
            self.crew.let_pass(LOOK_EVERY_S)
        self._let_all_be_at_work()
        report.rss_mib["end"] = self._rss_mib()
        for slot in self.crew.slots:
            self.crew.dismissed.add(slot.name)
            slot.terminate()
            self.crew.let(lambda slot=slot: not slot.is_up, STOP_LIMIT_S, f"the end of slot {slot.name}")
        report.faults += ends.faults()
        return written

    def _count(self, report: Report) -> None:
        timeline, crew = self.crew.timeline, self.crew
        report.kills = len(timeline.of("kill"))
        report.freezes, report.terms, report.joins = (len(timeline.of(what)) for what in ("freeze", "term", "join"))
        report.broker_faults = sum(entry["what"].startswith("broker") for entry in timeline.entries)
        report.failpoints = dict(Counter(entry["point"] for entry in timeline.of("failpoint")))
        report.takeovers_s = [entry["seconds"] for entry in timeline.of("takeover")]
        report.exits = dict(Counter(str(code) for slot in crew.slots for code in slot.exits))
        report.redone = crew.total("started") - report.events
        report.already_done, report.bitmaps = crew.total("already_done"), crew.total("bitmaps")
        report.largest_bitmap_bytes = max(slot.tally.get("largest_bitmap") for slot in crew.slots)
        logs = [slot.log.read_text(errors="replace") for slot in crew.slots if slot.lives]
        report.aborts = dict(Counter(cause for log in logs for cause in _ABORTED.findall(log)))
        report.left_open = sum(entry["in_transaction"] for entry in timeline.of("exit"))

    def _find_faults(self, report: Report) -> None:
        """All that is wrong; also when chaos did not really happen."""
        deck = self.scenario.deck
        assert report.verdict is not None
        if not report.verdict.is_clean:
            report.faults.append(str(report.verdict))
        report.faults += faults_of_processes(self.crew.slots)
        if living := self.family.living():
            report.faults.append(f"processes are left: {sorted(living)}")
        if (grown := report.rss_mib["end"] - report.rss_mib["start"]) > GROWTH_MIB:
            report.faults.append(f"resident memory grew by {grown} MiB")
        for slot in self.crew.slots:
            if slot.lives and slot.exits[-1] != 0:
                report.faults.append(f"slot {slot.name} answered SIGTERM with {slot.exits[-1]}")
        happened = {
            "kills": report.kills >= deck.get("kill", 0) + deck.get("takeover", 0),
            "takeovers": len(report.takeovers_s) >= deck.get("takeover", 0),
            "redone work": report.redone > 0,
            "records passed over as done": report.already_done > 0,
            "bitmaps": report.bitmaps > 0,
            "aborted input": report.aborted_input > 0,
            "aborted transactions": report.aborts or report.left_open,
        }
        report.faults += [f"too little chaos: {what}" for what, is_so in happened.items() if not is_so]

    def _rss_mib(self) -> int:
        return max(slot.rss_bytes for slot in self.crew.working) // _MIB


@contextmanager
def staged(scenario: Scenario, kafka: Kafka, folder: Path, broker: Broker | None = None) -> Iterator[Run]:
    """A run with topics of its own; none of its processes outlives the block."""
    folder.mkdir(parents=True, exist_ok=True)
    topics = kafka.create_topics(PARTITIONS)
    timeouts = {
        "session_timeout_s": scenario.session_timeout_s,
        "transaction_timeout_s": scenario.transaction_timeout_s,
    }
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events, kafka=timeouts)
    randomness = random.Random(scenario.seed)
    plan = Plan(
        {name: getattr(settings, name).model_dump() for name in ("kafka", "topics", "engine")},
        scenario.mean_delay_s,
        PROTOCOLS[scenario.protocol],
        lambda: randomness.choice(scenario.commit_intervals_s),
        scenario.sabotage,
    )
    family = Family()
    slots = [Slot(name, folder, plan, family.environment) for name in (*SLOTS, GUEST)]
    crew = Crew(slots, Timeline(folder / "timeline.jsonl"))
    crew.dismissed.add(GUEST)
    source = Source(kafka.bootstrap_servers, topics.events, PARTITIONS, randomness)
    cards = Cards(crew, source, broker, randomness, GUEST)
    try:
        yield Run(scenario, settings, source, crew, cards, family, folder)
    finally:
        for slot in slots:
            slot.end()
