# SPDX-License-Identifier: Apache-2.0
"""Whose work is next: that of the owner that has used the fewest seconds. And how much of an owner's work may wait."""

from __future__ import annotations

import sys
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from consumer.images.gate import Patience

#: By so many of an owner's last pieces its pace is known, or by as many as it may run at a time.
_LAST_PIECES = 8

_ENDED_S = attrgetter("ended_s")


@dataclass(slots=True, eq=False)
class Owner:
    """What an owner has used, and what it still wants."""

    name: str
    took_s: deque[float]
    """By its last pieces."""
    ended_s: float
    """By all its pieces that have ended, and what it was lifted by."""
    running: int = 0
    begun_sum_s: float = 0.0
    """When those that run began, added up."""
    waiting: OrderedDict[Future[Any], Callable[[], Any]] = field(default_factory=OrderedDict)

    @property
    def is_here(self) -> bool:
        """Whether anything of it runs or waits."""
        return bool(self.waiting or self.running)

    def ages_s(self, now_s: float) -> float:
        """Of its pieces that run, added up."""
        return self.running * now_s - self.begun_sum_s

    def used_s(self, now_s: float) -> float:
        """By all its pieces."""
        return self.ended_s + self.ages_s(now_s)


class Piece(NamedTuple):
    """Work that has begun."""

    owner: Owner
    future: Future[Any]
    work: Callable[[], Any]
    begun_s: float


class FairQueue:
    """Owners have used what they had when they come back, and none that begins to wait has used less than the level.

    The level is the least that an owner that waits has used; it never falls. So nobody saves seconds up, by being away
    or by asking for little, and nobody gets rid of them by going away for a moment. When nobody is left all is
    forgotten. For one thread at a time.

    A piece costs 13 us, and 0.1 us more for each owner that waits: with 200 of them 1 % more of a decode of 2 ms.
    """

    def __init__(self, patience: Patience, per_owner: int) -> None:
        """No owner runs more than `per_owner` pieces at a time; `patience` is with each owner by itself."""
        self._patience = patience
        self._per_owner = per_owner
        self._level_s = 0.0
        self._owners: dict[str, Owner] = {}  # of whom anything runs or waits
        self._at_work: dict[Owner, None] = {}  # of whom anything runs: no more than there are threads
        self._in_line: dict[Owner, None] = {}  # who only wait: what they have used stands still
        self._gone_s: dict[str, float] = {}  # what others had used, the first to go first

    @property
    def waiting(self) -> int:
        """How many pieces wait. From any thread."""
        return sum(len(owner.waiting) for owner in list(self._owners.values()))

    @property
    def running(self) -> int:
        """How many pieces run. From any thread."""
        return sum(owner.running for owner in list(self._owners.values()))

    def add(self, name: str, future: Future[Any], work: Callable[[], Any], now_s: float) -> Owner:
        """Let work wait; `future` is told when it begins, and may be cancelled until then."""
        owner = self._owners.get(name)
        if owner is None:
            took_s: deque[float] = deque(maxlen=max(_LAST_PIECES, self._per_owner))
            owner = Owner(name, took_s, self._gone_s.pop(name, 0.0))
        if not owner.waiting:
            self._raise_level(self._first(), now_s)
            owner.ended_s += max(0.0, self._level_s - owner.used_s(now_s))
        owner.waiting[future] = work
        self._place(owner)
        return owner

    def take(self, now_s: float) -> Piece | None:
        """The next piece, which begins now, if there is one that may."""
        while first := self._first():
            self._raise_level(first, now_s)
            ready = [owner for owner in first if self.may_begin(owner)]
            if not ready:
                break
            owner = min(ready, key=lambda owner: owner.used_s(now_s))
            future, work = owner.waiting.popitem(last=False)
            has_begun = future.set_running_or_notify_cancel()
            if has_begun:
                owner.running += 1
                owner.begun_sum_s += now_s
            self._place(owner)
            if has_begun:
                return Piece(owner, future, work, now_s)
        return None

    def may_begin(self, owner: Owner) -> bool:
        """Whether one more of its pieces may run."""
        return owner.running < self._per_owner

    def end(self, piece: Piece, now_s: float) -> None:
        """The piece has run."""
        owner, took_s = piece.owner, now_s - piece.begun_s
        owner.running -= 1
        owner.begun_sum_s = owner.begun_sum_s - piece.begun_s if owner.running else 0.0
        owner.ended_s += took_s
        owner.took_s.append(took_s)
        self._place(owner)

    def withdraw(self, name: str, future: Future[Any]) -> None:
        """Work that was cancelled waits no more, if it still does."""
        owner = self._owners.get(name)
        if owner and owner.waiting.pop(future, None):
            self._place(owner)

    def shorten(self, owner: Owner, now_s: float) -> list[Future[Any]]:
        """Take out those that would wait in vain: of a slow owner the last to come, never those that need not wait."""
        pieces = len(owner.took_s) + owner.running
        mean_s = (sum(owner.took_s) + owner.ages_s(now_s)) / pieces if pieces else 0.0
        room = sys.maxsize
        if mean_s > self._patience.slow_s:
            room = max(int(self._per_owner * self._patience.wait_s / mean_s), self._per_owner - owner.running)
        return [owner.waiting.popitem()[0] for _ in range(len(owner.waiting) - room)]

    def clear(self) -> list[Future[Any]]:
        """Take out all that wait."""
        futures: list[Future[Any]] = []
        for owner in list(self._owners.values()):
            futures += owner.waiting
            owner.waiting.clear()
            self._place(owner)
        return futures

    def _first(self) -> list[Owner]:
        """Those that wait; of those in line, the first alone."""
        in_line = [min(self._in_line, key=_ENDED_S)] if self._in_line else []
        return in_line + [owner for owner in self._at_work if owner.waiting]

    def _raise_level(self, first: list[Owner], now_s: float) -> None:
        self._level_s = max(self._level_s, min((owner.used_s(now_s) for owner in first), default=0.0))

    def _place(self, owner: Owner) -> None:
        """Where it belongs, now that it has more or less to do."""
        _hold(self._at_work, owner, is_one=owner.running > 0)
        _hold(self._in_line, owner, is_one=bool(owner.waiting) and not owner.running)
        if owner.is_here:
            self._owners[owner.name] = owner
        else:
            self._part(owner)

    def _part(self, owner: Owner) -> None:
        """Keep what it has used, and nothing of its pace: what comes next is perhaps another feed in another hour."""
        del self._owners[owner.name]
        self._gone_s[owner.name] = owner.ended_s
        if not self._owners:
            self._gone_s.clear()
            self._level_s = 0.0
        while self._gone_s and (oldest := next(iter(self._gone_s.items())))[1] <= self._level_s:
            del self._gone_s[oldest[0]]  # it would be lifted to the level


def _hold(owners: dict[Owner, None], owner: Owner, *, is_one: bool) -> None:
    if is_one:
        owners[owner] = None
    else:
        owners.pop(owner, None)
