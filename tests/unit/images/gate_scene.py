# SPDX-License-Identifier: Apache-2.0
"""A gate with a host behind it, under a clock."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field

from consumer.images.gate import Gate, Patience
from tests.support.clock import Clock
from tests.support.wait import settle

SLOTS = 8
PATIENCE = Patience(slow_s=1, wait_s=15)


@dataclass
class Shop:
    """A gate, and a host behind it that takes so long for each visitor."""

    takes_s: float
    clock: Clock = field(default_factory=Clock)
    waited_s: dict[int, float] = field(default_factory=dict)
    """Of those who got in, by number."""
    turned_away: dict[int, float] = field(default_factory=dict)
    """After so many seconds, by number."""

    def __post_init__(self) -> None:
        self.gate = Gate(SLOTS, PATIENCE, self.clock)
        self._inside: list[tuple[float, float]] = []
        """When each will leave, and when it began."""
        self._visits: list[asyncio.Task[None]] = []

    async def come(self, number: int) -> None:
        """One more visitor."""
        self._visits.append(asyncio.create_task(self._visit(number)))

    async def pass_time(self, seconds: float) -> None:
        """Serve for so long."""
        until_s = self.clock.now_s + seconds
        await settle()
        while self._inside and self._inside[0][0] <= until_s:
            self.clock.now_s, begun_s = heapq.heappop(self._inside)
            self.gate.leave(begun_s)
            await settle()
        self.clock.now_s = until_s

    async def close(self) -> None:
        """Send those home who still wait."""
        self.gate.turn_all_away()
        await asyncio.gather(*self._visits)

    async def _visit(self, number: int) -> None:
        came_s = self.clock.now_s
        if await self.gate.enter():
            self.waited_s[number] = self.clock.now_s - came_s
            self.gate.begin(self.clock.now_s)
            heapq.heappush(self._inside, (self.clock.now_s + self.takes_s, self.clock.now_s))
        else:
            self.turned_away[number] = self.clock.now_s - came_s


async def burst(visitors: int, takes_s: float, seconds: float) -> Shop:
    """A shop to which all come at once, after so long."""
    shop = Shop(takes_s)
    for number in range(visitors):
        await shop.come(number)
    await shop.pass_time(seconds)
    await shop.close()
    return shop
