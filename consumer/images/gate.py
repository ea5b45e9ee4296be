# SPDX-License-Identifier: Apache-2.0
"""So many at a time, in order of arrival. Who is quick may be waited for; who is slow has a short queue."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a queue may be."""

    slow_s: float
    """Work that takes longer on average is slow."""
    wait_s: float
    """No more may wait for slow work than are served in so long at its own pace. Quick work may be waited for."""


class Gate:
    """`slots` at a time, each from `enter` to `leave`; between them `begin`, when the work itself begins.

    How slow the work is, is seen from the last two rounds of slots and from the age of what runs now, so a queue at
    somebody who does not answer shrinks by the second. The last to come are the first to be turned away: they would
    wait in vain. For one event loop.
    """

    def __init__(self, slots: int, patience: Patience | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Without `patience` nobody is turned away."""
        self._slots = slots
        self._free = slots
        self._patience = patience
        self._clock = clock
        self._queue: deque[asyncio.Future[bool]] = deque()
        self._begun = 0
        self._begun_sum_s = 0.0
        self._took_s: deque[float] = deque(maxlen=slots)
        self.is_slow = False
        """Whether the last round of slots was slow."""

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """How many are inside."""
        return self._slots - self._free

    async def enter(self) -> bool:
        """Wait for a slot; False for one who is turned away."""
        if self._free:
            self._free -= 1
            return True
        room = self._room()
        self._shorten_to(room)
        if len(self._queue) >= room:
            return False
        place = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            return bool(await place)
        except asyncio.CancelledError:
            if place.cancelled():
                with suppress(ValueError):  # `leave` may have passed over it already
                    self._queue.remove(place)
            elif place.result():  # the slot came in the moment in which its taker was cancelled
                self.leave(None)
            raise

    def begin(self, now_s: float) -> None:
        """The work of one who has entered begins."""
        self._begun += 1
        self._begun_sum_s += now_s

    def leave(self, begun_s: float | None) -> None:
        """Give the slot to the one who has waited longest. `begun_s` is what `begin` was told; None without it."""
        if begun_s is not None:
            self._begun -= 1
            self._begun_sum_s = self._begun_sum_s - begun_s if self._begun else 0.0
            self._took_s.append(self._clock() - begun_s)
            if self._patience:
                self.is_slow = sum(self._took_s) > self._patience.slow_s * len(self._took_s)
        while self._queue:
            place = self._queue.popleft()
            if not place.cancelled():
                place.set_result(True)
                self._shorten_to(self._room())
                return
        self._free += 1
        if self._free == self._slots:  # what comes next is another crowd, perhaps in another hour
            self._took_s.clear()
            self.is_slow = False

    def turn_all_away(self) -> None:
        """Let nobody in who waits now."""
        self._shorten_to(0)

    def _room(self) -> int:
        """How many may wait."""
        pieces = self._begun + len(self._took_s)
        if self._patience is None or not pieces:
            return sys.maxsize
        age_sum_s = self._begun * self._clock() - self._begun_sum_s
        mean_s = (age_sum_s + sum(self._took_s)) / pieces
        if mean_s <= self._patience.slow_s:
            return sys.maxsize
        return int(self._slots * self._patience.wait_s / mean_s)

    def _shorten_to(self, room: int) -> None:
        while len(self._queue) > room:
            place = self._queue.pop()
            if not place.cancelled():
                place.set_result(False)
