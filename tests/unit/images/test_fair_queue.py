# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import heapq
import sys
from collections import defaultdict
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest

from consumer.images.fair_queue import FairQueue
from consumer.images.gate import Patience

if TYPE_CHECKING:
    from consumer.images.fair_queue import Piece

ENDLESS = Patience(slow_s=sys.float_info.max, wait_s=0)
PIECE_S = 0.5
SAVING_S = 300


class Threads:
    """What threads that share a queue do, without any: each piece takes PIECE_S."""

    def __init__(self, count: int, per_owner: int) -> None:
        self.queue = FairQueue(ENDLESS, per_owner)
        self.now_s = 0.0
        self.used_s: defaultdict[str, float] = defaultdict(float)
        self._count = count
        self._running: list[tuple[float, int, Piece]] = []
        self._begun = 0

    def ask(self, owner: str, pieces: int = 1) -> None:
        for _ in range(pieces):
            self.queue.add(owner, Future(), str, self.now_s)

    def begin(self) -> None:
        while len(self._running) < self._count and (piece := self.queue.take(self.now_s)):
            self._begun += 1
            heapq.heappush(self._running, (self.now_s + PIECE_S, self._begun, piece))

    def run(self, seconds: float, *, asks_before: bool) -> None:
        """For so long; each owner asks for another piece just before one of its pieces ends, or just after."""
        self.used_s.clear()
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.begin()
            self.now_s, _, piece = heapq.heappop(self._running)
            if asks_before:
                self.ask(piece.owner.name)
            self.queue.end(piece, self.now_s)
            self.used_s[piece.owner.name] += PIECE_S
            if not asks_before:
                self.ask(piece.owner.name)


@pytest.mark.parametrize("asks_before", [True, False], ids=["stays", "goes for a moment"])
@pytest.mark.parametrize("heavy_pieces", [20, 3], ids=["queue", "no queue"])
@pytest.mark.parametrize("savers", ["s", "st"])
def test_who_asks_for_little_saves_no_seconds_up(savers: str, heavy_pieces: int, *, asks_before: bool) -> None:
    threads = Threads(5, per_owner=4)
    threads.ask("heavy", heavy_pieces)
    for owner in savers:
        threads.ask(owner)
    threads.run(SAVING_S, asks_before=asks_before)
    assert threads.used_s["heavy"] > threads.used_s["s"] + SAVING_S

    for owner in ("heavy", *savers):
        threads.ask(owner, 20)
    threads.run(60, asks_before=asks_before)

    assert max(threads.used_s.values()) - min(threads.used_s.values()) <= 4 * PIECE_S


def test_only_who_owes_something_is_remembered() -> None:
    threads = Threads(2, per_owner=1)
    threads.ask("steady", 1000)
    for number in range(1000):
        threads.ask(f"passing {number}")
        threads.begin()
        threads.now_s += PIECE_S
        for _, _, piece in threads._running:
            threads.queue.end(piece, threads.now_s)
        threads._running.clear()
        assert len(threads.queue._gone_s) <= 2
