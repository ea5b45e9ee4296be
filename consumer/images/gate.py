# SPDX-License-Identifier: Apache-2.0
"""So many at a time, in order of arrival. Who is quick may be waited for; who is slow has a short queue."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import OrderedDict, deque
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

    How slow the work is, is seen from the last round of slots and from the age of what runs now, so a queue at somebody
    who does not answer shrinks by the second. Owners who wait get slots in turn; of the one with most waiting the last
    to come is the first to be turned away: it would wait in vain. For one event loop.
    """

    def __init__(
        self,
        slots: int,
        patience: Patience | None,
        clock: Callable[[], float] = time.monotonic,
        *,
        per_owner: int | None = None,
    ) -> None:
        """Without `patience` nobody is turned away. No owner has more than `per_owner` slots."""
        self._slots = slots
        self._free = slots
        self._patience = patience
        self._clock = clock
        self._per_owner = per_owner or slots
        self._inside: dict[str, int] = {}
        self._queues: OrderedDict[str, deque[asyncio.Future[bool]]] = OrderedDict()
        self._closed_until_s = 0.0
        self._begun = 0
        self._begun_sum_s = 0.0
        self._took_s: deque[float] = deque(maxlen=slots)
        self.is_slow = False
        """Whether the last round of slots was slow."""

    @property
    def waiting(self) -> int:
        """How many wait. From any thread."""
        return sum(map(len, list(self._queues.values())))

    @property
    def running(self) -> int:
        """How many are inside. From any thread."""
        return self._slots - self._free

    def enter_at_once(self, owner: str = "") -> bool:
        """Take a slot that is free; False where one has to be waited for."""
        inside = self._inside.get(owner, 0)
        if not self._free or inside >= self._per_owner or not self._is_open():
            return False
        self._free -= 1
        self._inside[owner] = inside + 1
        return True

    async def enter(self, owner: str = "") -> bool:
        """Wait for a slot; False for one who is turned away."""
        if self.enter_at_once(owner):
            return True
        room = self._room()
        self._shorten_to(room)
        if self.waiting >= room:
            if len(self._queues.get(owner, ())) >= max(map(len, self._queues.values()), default=0):
                return False
            self._turn_one_away()
        place = asyncio.get_running_loop().create_future()
        self._queues.setdefault(owner, deque()).append(place)
        try:
            return bool(await place)
        except asyncio.CancelledError:
            if place.cancelled():
                self._forget(owner, place)
            elif place.result():  # the slot came in the moment in which its taker was cancelled
                self.leave(None, owner)
            raise

    def begin(self, now_s: float) -> None:
        """The work of one who has entered begins."""
        self._begun += 1
        self._begun_sum_s += now_s

    def pause(self, begun_s: float) -> None:
        """Work stands still for a reason of ours, until it begins again; `begun_s` is what `begin` was told."""
        self._begun -= 1
        self._begun_sum_s = self._begun_sum_s - begun_s if self._begun else 0.0

    def leave(self, begun_s: float | None, owner: str = "", pause_s: float = 0.0) -> None:
        """Give the slot to the next, after a pause for all. `begun_s` is what `begin` was told; None without it.

        The pause counts as work: a queue may be no longer than what comes through in between.
        """
        if pause_s:
            self._close_for(pause_s)
        if begun_s is not None:
            self.pause(begun_s)
            if self._patience is not None:
                self._count(self._clock() - begun_s + pause_s, self._patience)
        self._free += 1
        if (inside := self._inside.pop(owner)) > 1:
            self._inside[owner] = inside - 1
        if self._queues:
            self._admit()
            self._shorten_to(self._room())
        elif self._free == self._slots:  # what comes next is another crowd, perhaps in another hour
            self._took_s.clear()
            self.is_slow = False

    def turn_all_away(self) -> None:
        """Let nobody in who waits now."""
        self._shorten_to(0)

    def _count(self, took_s: float, patience: Patience) -> None:
        self._took_s.append(took_s)
        self.is_slow = sum(self._took_s) > patience.slow_s * len(self._took_s)

    def _close_for(self, pause_s: float) -> None:
        until_s = self._clock() + pause_s
        if until_s > self._closed_until_s:
            self._closed_until_s = until_s
            asyncio.get_running_loop().call_later(pause_s, self._open, until_s)

    def _open(self, until_s: float) -> None:
        if self._closed_until_s == until_s:  # else another pause came in between
            self._closed_until_s = 0.0
            self._admit()

    def _is_open(self) -> bool:
        return not self._closed_until_s or self._clock() >= self._closed_until_s

    def _may_enter(self, owner: str) -> bool:
        return self._inside.get(owner, 0) < self._per_owner

    def _admit(self) -> None:
        """One owner after the other."""
        if not self._is_open():
            return
        while self._free and (owner := next(filter(self._may_enter, self._queues), None)) is not None:
            place = self._queues[owner].popleft()
            if self._queues[owner]:
                self._queues.move_to_end(owner)
            else:
                del self._queues[owner]
            if not place.cancelled():
                self._free -= 1
                self._inside[owner] = self._inside.get(owner, 0) + 1
                place.set_result(True)

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
        while self.waiting > room:
            self._turn_one_away()

    def _turn_one_away(self) -> None:
        owner = max(self._queues, key=lambda owner: len(self._queues[owner]))
        place = self._queues[owner].pop()
        if not self._queues[owner]:
            del self._queues[owner]
        if not place.cancelled():
            place.set_result(False)

    def _forget(self, owner: str, place: asyncio.Future[bool]) -> None:
        """It was cancelled; `_admit` may have passed over it already."""
        queue = self._queues.get(owner)
        if queue and place in queue:
            queue.remove(place)
            if not queue:
                del self._queues[owner]
