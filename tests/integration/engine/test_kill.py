# SPDX-License-Identifier: Apache-2.0
"""SIGKILL in the middle of work: nothing is lost, nothing comes twice, every key stays in order."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from consumer.errors import Fenced, StaleGeneration
from tests.integration.engine.oracle import Verdict, judge, records_of
from tests.integration.engine.supervisor import Plan, Worker, kill_one_busy
from tests.integration.engine.tally import FIELDS
from tests.integration.engine.worker import BAD
from tests.support.engine import Event, Feed, committed_offsets, engine_settings, read_committed
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.settings import Settings
    from tests.support.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

PARTITIONS = 4
KEYS = 500
BUSY = 100
KILL_LIMIT_S = 60
FINISH_LIMIT_S = 90
EVENTS = 20_000
KILLS = 10
MEAN_DELAY_S = 0.1
#: Without order every event runs at once; it must take so long that a slow broker brings enough of them meanwhile.
MEAN_DELAY_WITHOUT_ORDER_S = 1.0


@dataclass
class Input:
    """Events with skewed keys, in transactions of random size, one in ten of them aborted, 1 % marked as bad."""

    randomness: random.Random
    feed: Feed
    values: set[bytes] = field(default_factory=set)
    aborted: list[bytes] = field(default_factory=list)
    _sequences: Counter[bytes] = field(default_factory=Counter)

    def write(self, count: int) -> None:
        target = len(self.values) + count
        while len(self.values) < target:
            size = min(self.randomness.randrange(1, 200), target - len(self.values))
            commit = self.randomness.random() > 0.1
            events = [self._event() for _ in range(size)]
            self.feed.write(events, commit=commit)
            values = [event.value for event in events if event.value is not None]
            if commit:
                self.values.update(values)
            else:
                self.aborted += values

    def _event(self) -> Event:
        key = b"key-%d" % (int(self.randomness.expovariate(1 / 150)) % KEYS)
        self._sequences[key] += 1
        bad = BAD if self.randomness.random() < 0.01 else b""
        return Event(key, b"%s:%d%s" % (key, self._sequences[key], bad))


@dataclass
class Scene:
    """A broker, an input and two workers."""

    kafka: Kafka
    settings: Settings
    input: Input
    workers: list[Worker]
    randomness: random.Random
    kills: int = 0
    takeovers: int = 0

    def kill(self, *, is_taken_over: bool = False) -> None:
        """Kill a busy worker and start it again; on demand only after the other one has its partitions."""
        victim = kill_one_busy(self.workers, self.randomness, BUSY, KILL_LIMIT_S)
        self.kills += 1
        if is_taken_over:
            (other,) = (worker for worker in self.workers if worker is not victim)
            logged = other.log.stat().st_size
            wait_until(lambda: b"partitions_assigned" in other.log.read_bytes()[logged:], KILL_LIMIT_S)
            self.takeovers += 1
        victim.restart()

    def is_out_of_order_everywhere(self) -> bool:
        """Whether both have committed bitmaps; writes on, for one may be through before the other has partitions."""
        if self.total("finished") > len(self.input.values) - 1000:
            self.input.write(1000)
        return all(worker.tally.get("bitmaps") > 1 for worker in self.workers)

    def finish(self) -> dict[str, bytes]:
        """Wait until everything is published and stop the workers in order; the committed input by source."""
        topic = self.settings.topics.events
        messages = read_committed(self.settings.kafka.bootstrap_servers, [topic])[topic]
        ends = {message.partition(): message.offset() + 1 for message in messages}
        wait_until(lambda: self._is_through(ends), FINISH_LIMIT_S, "the end of the input")
        for worker in self.workers:
            assert worker.stop() == 0, worker.log.read_text()[-3000:]
        return {f"{topic}/{message.partition()}/{message.offset()}": message.value() or b"" for message in messages}

    def verdict(self, written: dict[str, bytes]) -> Verdict:
        assert set(written.values()) == self.input.values
        topics = self.settings.topics
        outputs = read_committed(self.settings.kafka.bootstrap_servers, [topics.attributes, topics.dead_letters])
        return judge(written, self.input.aborted, BAD, records_of(outputs))

    def total(self, name: str) -> int:
        return sum(worker.tally.get(name) for worker in self.workers)

    def _is_through(self, ends: dict[int, int]) -> bool:
        for worker in self.workers:
            worker.look_after()
        # The commit stays below the markers after the last record for ever.
        return all(
            offset >= ends.get(partition, 0) and not metadata
            for partition, (offset, metadata) in committed_offsets(self.settings, PARTITIONS).items()
        )


@contextmanager
def staged(
    kafka: Kafka, folder: Path, seed: int, sabotage: str = "", mean_delay_s: float = MEAN_DELAY_S
) -> Iterator[Scene]:
    """A scene with both workers up; none of them outlives the block."""
    topics = kafka.create_topics(PARTITIONS)
    settings = engine_settings(kafka.bootstrap_servers, topics, topics.events)
    sections = {
        "kafka": settings.kafka.model_dump(),
        "topics": topics.model_dump(),
        "engine": settings.engine.model_dump(),
    }
    plan = Plan(sections, mean_delay_s, sabotage)
    randomness = random.Random(seed)
    source = Input(randomness, Feed(kafka.bootstrap_servers, topics.events))
    workers: list[Worker] = []
    try:
        workers += [Worker(folder, slot, plan) for slot in ("0", "1")]
        yield Scene(kafka, settings, source, workers, randomness)
    finally:
        for worker in workers:
            worker.end()


def test_ten_kills_lose_repeat_and_reorder_nothing(kafka: Kafka, tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED", "1"))
    started_s = time.monotonic()

    with staged(kafka, tmp_path, seed) as scene:
        for kill in range(KILLS):
            scene.input.write(EVENTS // KILLS)
            scene.kill(is_taken_over=kill == KILLS // 2)
        written = scene.finish()
        verdict = scene.verdict(written)
        figures = {name: scene.total(name) for name in FIELDS}
        exits = Counter(code for worker in scene.workers for code in worker.exits)

    redone = figures["started"] - len(written)
    print(
        f"\nseed {seed}: {len(written)} events, {len(scene.input.aborted)} aborted input records, "
        f"{scene.kills} kills, {scene.takeovers} takeover, exits {dict(exits)}, redone {redone}, "
        f"already done {figures['already_done']}, largest bitmap {figures['largest_bitmap']} B, "
        f"{time.monotonic() - started_s:.0f} s: {verdict}"
    )
    assert verdict.is_clean
    assert len(written) == EVENTS
    assert scene.input.aborted
    assert redone >= KILLS * BUSY
    assert figures["already_done"] > 0
    assert figures["bitmaps"] > 0
    assert exits[-signal.SIGKILL] == KILLS
    assert set(exits) <= {-signal.SIGKILL, 0, Fenced.exit_code, StaleGeneration.exit_code}


@pytest.mark.parametrize(
    ("sabotage", "count", "mean_delay_s"),
    [
        ("forget_bitmaps", "duplicates", MEAN_DELAY_S),
        ("forget_order", "order_breaks", MEAN_DELAY_WITHOUT_ORDER_S),
    ],
)
def test_the_oracle_notices_a_broken_promise(
    kafka: Kafka, tmp_path: Path, sabotage: str, count: str, mean_delay_s: float
) -> None:
    with staged(kafka, tmp_path, 2, sabotage, mean_delay_s) as scene:
        scene.input.write(6000)
        wait_until(scene.is_out_of_order_everywhere, KILL_LIMIT_S, "bitmaps")
        scene.input.write(2000)
        scene.kill()
        verdict = scene.verdict(scene.finish())

    assert getattr(verdict, count) > 0
