# SPDX-License-Identifier: Apache-2.0
"""So many at a time, in order of arrival, and a queue that is never longer than what its own pace can serve."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Gate:
    """`slots` at a time. Who would wait for longer than about `patience_s` at the pace seen so far is turned away.

    The pace is that of the last two rounds of slots. While nobody has finished yet it is taken to be as slow as it must
    be at the least, so a queue at somebody who does not answer shrinks by the second. For one event loop.
    """

    def __init__(self, slots: int, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = slots
        self._free = slots
        self._patience_s = patience_s
        self._clock = clock
        self._queue: deque[asyncio.Future[bool]] = deque()
        self._crowded_since_s = 0.0
        self._finished_s: deque[float] = deque(maxlen=2 * slots)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """How many are inside."""
        return self._slots - self._free

    async def enter(self) -> bool:
        """Wait for a slot, which ends with `leave`; False for one who is turned away."""
        if self._free:
            self._free -= 1
            return True
        if not self._queue:
            self._crowded_since_s = self._clock()
            self._finished_s.clear()
        self._shorten_to(self._room())
        if len(self._queue) >= self._room():
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
                self.leave()
            raise

    def leave(self) -> None:
        """Give the slot to the one who has waited longest."""
        if not self._queue:
            self._free += 1
            return
        self._finished_s.append(self._clock())
        while self._queue:
            place = self._queue.popleft()
            if not place.cancelled():
                place.set_result(True)
                break
        else:
            self._free += 1
        self._shorten_to(self._room())

    def turn_all_away(self) -> None:
        """Let nobody in who waits now."""
        self._shorten_to(0)

    def _room(self) -> int:
        now_s = self._clock()
        if len(self._finished_s) == self._finished_s.maxlen:
            served, elapsed_s = len(self._finished_s), now_s - self._finished_s[0]
        else:
            served, elapsed_s = max(len(self._finished_s), self._slots), now_s - self._crowded_since_s
        return int(self._patience_s * served / elapsed_s) if elapsed_s > 0 else sys.maxsize

    def _shorten_to(self, room: int) -> None:
        """The last to come are the first who would wait in vain."""
        while len(self._queue) > room:
            place = self._queue.pop()
            if not place.cancelled():
                place.set_result(False)
