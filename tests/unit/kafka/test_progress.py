# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from consumer.kafka.bitmap import MAX_SPAN, decode
from consumer.kafka.progress import Progress, Snapshot

logs = st.lists(st.integers(min_value=0, max_value=400), unique=True, max_size=80).map(sorted)
"""Offsets that exist; the numbers between are markers, aborted or compacted records."""

lives = st.lists(st.lists(st.sampled_from("rrrffc"), max_size=120), max_size=5)
"""What each owner does before it crashes: read a record, finish one, commit."""

chances = st.integers(0, 1 << 30).map(random.Random)


@dataclass
class Partition:
    """One partition, its commits, and the owners that come and go."""

    log: list[int]
    chance: random.Random
    max_bitmap_bytes: int = 4095
    committed: Snapshot | None = None
    published: list[int] = field(default_factory=list)

    def live(self, steps: str | list[str], *, to_the_end: bool = False) -> None:
        owner = Owner(self)
        for step in steps:
            owner.act(step)
        while to_the_end and not owner.is_through:
            for step in "rfc":
                owner.act(step)


class Owner:
    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        start = partition.committed
        done = decode(*start) if start else set()
        self.progress = Progress(0, start.frontier if start else None, done)
        self.unread = [offset for offset in partition.log if start is None or offset >= start.frontier]
        self.running: list[int] = []
        self.finished: list[int] = []

    @property
    def is_through(self) -> bool:
        return not (self.unread or self.running or self.finished)

    def act(self, step: str) -> None:
        before = self.progress.frontier
        if step == "r" and self.unread:
            offset = self.unread.pop(0)
            if self.progress.admit(offset, 0.0):
                self.running.append(offset)
        elif step == "f" and self.running:
            self.finished.append(self.running.pop(self.partition.chance.randrange(len(self.running))))
        elif step == "c":
            self.commit()
        self.check(before)

    def commit(self) -> None:
        self.finished.sort()
        count = self.progress.fitting(self.finished, self.partition.max_bitmap_bytes)
        self.progress.finish(self.finished[:count])
        self.partition.published += self.finished[:count]
        del self.finished[:count]
        snapshot = self.progress.snapshot()
        if snapshot is not None:
            assert not count or len(snapshot.metadata) <= self.partition.max_bitmap_bytes
            self.partition.committed = snapshot

    def check(self, before: int | None) -> None:
        frontier = self.progress.frontier
        if frontier is None:
            return
        assert before is None or frontier >= before
        assert all(frontier <= offset for offset in self.running + self.finished)


@given(logs, lives, chances)
def test_every_record_is_published_once_whatever_crashes(
    log: list[int], owners: list[list[str]], chance: random.Random
) -> None:
    partition = Partition(log, chance)

    for steps in owners:
        partition.live(steps)
    partition.live("", to_the_end=True)

    assert sorted(partition.published) == log


@given(logs, lives, chances)
def test_a_small_limit_delays_results_and_repeats_none(
    log: list[int], owners: list[list[str]], chance: random.Random
) -> None:
    partition = Partition(log, chance, max_bitmap_bytes=24)

    for steps in owners:
        partition.live(steps)
    partition.live("", to_the_end=True)

    assert sorted(partition.published) == log


@given(logs, lives, chances)
def test_at_the_end_the_commit_has_passed_everything(
    log: list[int], owners: list[list[str]], chance: random.Random
) -> None:
    partition = Partition(log, chance)

    for steps in owners:
        partition.live(steps)
    partition.live("c", to_the_end=True)

    if log:
        assert partition.committed == Snapshot(log[-1] + 1, "")


@given(st.lists(st.integers(min_value=1, max_value=50), min_size=1, max_size=40), chances)
def test_holes_change_nothing_about_what_is_published(gaps: list[int], chance: random.Random) -> None:
    holed = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    dense = list(range(len(gaps)))
    steps = [chance.choice("rrffc") for _ in range(150)]
    seed = chance.randrange(1 << 30)

    outcomes = []
    for log in (holed, dense):
        chance.seed(seed)
        partition = Partition(log, chance)
        partition.live(steps)
        outcomes.append([log.index(offset) for offset in partition.published])

    assert outcomes[0] == outcomes[1]


def test_the_frontier_stops_at_the_oldest_unfinished_offset() -> None:
    progress = Progress(0, 10)
    for offset in (10, 11, 12):
        progress.admit(offset, 0.0)

    progress.finish([10, 12])

    assert progress.frontier == 11
    snapshot = progress.snapshot()
    assert snapshot is not None
    assert decode(*snapshot) == {12}


def test_markers_do_not_hold_the_frontier_back() -> None:
    progress = Progress(0, 10)
    for offset in (12, 15):
        progress.admit(offset, 0.0)

    progress.finish([12, 15])

    assert progress.snapshot() == Snapshot(16, "")


def test_a_log_that_starts_late_starts_the_frontier_there() -> None:
    progress = Progress(0)
    assert progress.snapshot() is None

    progress.admit(5000, 0.0)

    assert progress.snapshot() == Snapshot(5000, "")


def test_a_restored_offset_is_passed_over() -> None:
    progress = Progress(0, 10, {11})

    admitted = [offset for offset in (10, 11, 12) if progress.admit(offset, 0.0)]

    assert admitted == [10, 12]


def test_restored_offsets_that_are_seen_last_move_the_frontier_to_the_end() -> None:
    progress = Progress(0, 10, {11, 12})
    progress.admit(10, 0.0)
    progress.finish([10])

    progress.admit(11, 0.0)
    progress.admit(12, 0.0)

    assert progress.snapshot() == Snapshot(13, "")


def test_an_offset_is_admitted_once_per_assignment() -> None:
    progress = Progress(0, 10)

    assert progress.admit(10, 0.0)
    assert not progress.admit(10, 0.0)
    assert not progress.admit(4, 0.0)


def test_restored_offsets_whose_records_are_gone_are_forgotten() -> None:
    progress = Progress(0, 10, {11, 12})
    progress.admit(40, 0.0)

    progress.finish([40])

    assert progress.snapshot() == Snapshot(41, "")


def test_the_oldest_unfinished_offset_tells_its_age() -> None:
    progress = Progress(0, 0)
    progress.admit(0, 5.0)
    progress.admit(1, 6.0)

    progress.finish([0])

    assert progress.oldest_at_s == 6.0
    progress.finish([1])
    assert progress.oldest_at_s is None


def test_a_map_that_could_not_be_read_again_is_not_written() -> None:
    progress = Progress(0, 0)
    for offset in (0, 1, MAX_SPAN + 1):
        progress.admit(offset, 0.0)

    assert progress.fitting([1, MAX_SPAN + 1], 1 << 30) == 1
    assert progress.fitting([0, 1, MAX_SPAN + 1], 1 << 30) == 3
