# SPDX-License-Identifier: Apache-2.0
"""Whose work is next: that of the owner that has used the fewest seconds. And how much of an owner's work may wait."""

from __future__ import annotations

import sys
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from consumer.images.gate import Patience

#: By so many of an owner's last pieces its pace is known, or by as many as it may run at a time.
_LAST_PIECES = 8


@dataclass(slots=True, eq=False)
class Owner:
    """What an owner has used, and what it still wants."""

    took_s: deque[float]
    """By its last pieces."""
    ended_s: float = 0.0
    """By all its pieces that have ended."""
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
    """An owner that comes, or comes back, has used what it had, and no less than any that is here.

    So nobody saves seconds up, and nobody gets rid of them by going away for a moment. When nobody is left all is
    forgotten. For one thread at a time.
    """

    def __init__(self, patience: Patience, per_owner: int) -> None:
        """No owner runs more than `per_owner` pieces at a time; `patience` is with each owner by itself."""
        self._patience = patience
        self._per_owner = per_owner
        self._owners: dict[str, Owner] = {}

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
        owner = self._owners.get(name) or Owner(deque(maxlen=max(_LAST_PIECES, self._per_owner)))
        if not owner.is_here:
            least_s = min((other.used_s(now_s) for other in self._owners.values() if other.is_here), default=0.0)
            owner.ended_s = max(owner.ended_s, least_s)
        self._owners[name] = owner
        owner.waiting[future] = work
        return owner

    def take(self, now_s: float) -> Piece | None:
        """The next piece, which begins now, if there is one that may."""
        while ready := [owner for owner in self._owners.values() if owner.waiting and self.may_begin(owner)]:
            owner = min(ready, key=lambda owner: owner.used_s(now_s))
            future, work = owner.waiting.popitem(last=False)
            if future.set_running_or_notify_cancel():
                owner.running += 1
                owner.begun_sum_s += now_s
                return Piece(owner, future, work, now_s)
            self._forget(owner)
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
        self._forget(owner)

    def withdraw(self, name: str, future: Future[Any]) -> None:
        """Work that was cancelled waits no more, if it still does."""
        owner = self._owners.get(name)
        if owner and owner.waiting.pop(future, None):
            self._forget(owner)

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
        futures = [future for owner in self._owners.values() for future in owner.waiting]
        for owner in self._owners.values():
            owner.waiting.clear()
        return futures

    def _forget(self, owner: Owner) -> None:
        if not owner.is_here:
            owner.took_s.clear()  # what comes next is another feed, perhaps in another hour
            if not any(other.is_here for other in self._owners.values()):
                self._owners.clear()
