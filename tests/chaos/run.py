# SPDX-License-Identifier: Apache-2.0
"""One run: a group at work on an input that grows, faults, the end of the input, and the verdict."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chaos.aftermath import Ends
from tests.chaos.assessment import count, faults_of, missing_chaos
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
_MIB = 1 << 20


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
        report = Report(self.scenario.protocol, self.scenario.seed)
        self._start(report)
        self._deal(progress)
        written = self._finish(report)
        topics = self.settings.topics
        outputs = read_committed(self.settings.kafka.bootstrap_servers, [topics.attributes, topics.dead_letters])
        report.verdict = judge(written, self.source.aborted, BAD, records_of(outputs))
        report.events, report.aborted_input = len(written), len(self.source.aborted)
        count(report, self.crew)
        report.faults += [*faults_of(report, self.scenario, self.crew), *missing_chaos(report, self.scenario)]
        if living := self.family.living():
            report.faults.append(f"processes are left: {sorted(living)}")
        report.save(self.folder)
        return report

    def _start(self, report: Report) -> None:
        self._let_all_be_at_work()
        report.rss_mib["start"] = self._rss_mib()

    def _let_all_be_at_work(self) -> None:
        regulars = [slot for slot in self.crew.slots if slot.name in SLOTS]
        # One whom the group has lost is missed when its session is over, and its transaction is in the way until that
        # times out too: only then do its partitions get to work again.
        limit_s = START_LIMIT_S + self.scenario.session_timeout_s + self.scenario.transaction_timeout_s
        self.crew.let(
            lambda: all(slot.is_working and slot.partitions for slot in regulars), limit_s, "all to be at work"
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
            self._dismiss(slot)
        report.faults += [f"slot {name} answered SIGTERM with {code}" for name, code in self._last_exits() if code]
        report.faults += ends.faults()
        return written

    def _dismiss(self, slot: Slot) -> None:
        self.crew.dismissed.add(slot.name)
        slot.terminate()
        self.crew.let(lambda: not slot.is_up, STOP_LIMIT_S, f"the end of slot {slot.name}")

    def _last_exits(self) -> list[tuple[str, int]]:
        return [(slot.name, slot.exits[-1]) for slot in self.crew.slots if slot.name in SLOTS]

    def _rss_mib(self) -> int:
        return max(slot.rss_bytes for slot in self.crew.working) // _MIB


@contextmanager
def staged(
    scenario: Scenario, kafka: Kafka, folder: Path, broker: Broker | None = None, through: str | None = None
) -> Iterator[Run]:
    """A run with topics of its own; none of its processes outlives the block.

    `through` is where they reach the broker, if another address than that of the input's writer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    topics = kafka.create_topics(PARTITIONS)
    timeouts = {
        "session_timeout_s": scenario.session_timeout_s,
        "transaction_timeout_s": scenario.transaction_timeout_s,
    }
    settings = engine_settings(through or kafka.bootstrap_servers, topics, topics.events, kafka=timeouts)
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
    cards = Cards(crew, source, broker, randomness, GUEST, scenario.session_timeout_s)
    try:
        yield Run(scenario, settings, source, crew, cards, family, folder)
    except BaseException as error:
        error.add_note(f"seed {scenario.seed}; timeline and logs: {folder}")
        raise
    finally:
        for slot in slots:
            slot.end()
