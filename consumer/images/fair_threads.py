# SPDX-License-Identifier: Apache-2.0
"""Threads that owners share by the second: one with a thousand long pieces of work gets no more than another."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import OrderedDict, deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.images.gate import Patience

Answer = TypeVar("Answer")

#: By so many of an owner's last pieces its pace is known, or by as many as it may run at a time.
_LAST_PIECES = 8


class TurnedAwayError(Exception):
    """The owner's queue is too long for the pace of its work."""


class ThreadsClosedError(Exception):
    """The work has not begun, and will not."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """In place of an answer. As an error, the future would keep it, and with it the frames it went through."""

    error: type[Exception]


@dataclass(slots=True, eq=False)
class _Owner:
    """What one owner has used of the threads, and what it still wants."""

    took_s: deque[float]
    """By its last pieces."""
    used_s: float = 0.0
    """By all that have ended."""
    running: int = 0
    begun_sum_s: float = 0.0
    """When those that run began, added up."""
    waiting: OrderedDict[Future[Any], Callable[[], Any]] = field(default_factory=OrderedDict)

    @property
    def is_active(self) -> bool:
        return bool(self.waiting or self.running)

    def ages_s(self, now_s: float) -> float:
        """Of those that run, added up."""
        return self.running * now_s - self.begun_sum_s

    def begin(self, now_s: float) -> None:
        self.running += 1
        self.begun_sum_s += now_s

    def end(self, begun_s: float, now_s: float) -> None:
        self.running -= 1
        self.begun_sum_s = self.begun_sum_s - begun_s if self.running else 0.0
        self.used_s += now_s - begun_s
        self.took_s.append(now_s - begun_s)

    def refuse_last(self, error: type[Exception]) -> None:
        future, _ = self.waiting.popitem()
        if future.set_running_or_notify_cancel():
            future.set_result(_Refusal(error))


class _Piece(NamedTuple):
    """Work that has begun."""

    owner: _Owner
    future: Future[Any]
    work: Callable[[], Any]
    begun_s: float


class FairThreads:
    """A free thread goes to the owner that has used the fewest seconds of all threads.

    An owner that comes, or comes back, has used as much as it had, and no less than any that is here: nobody saves
    seconds up, and nobody gets rid of them by going away for a moment. When nobody is left, all is forgotten.
    Whoever makes it closes it. For one event loop.
    """

    def __init__(
        self,
        count: int,
        name: str,
        patience: Patience,
        *,
        per_owner: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """No owner has more than `per_owner` threads; `patience` is with each owner by itself.

        An owner's pace is that of its last pieces and of those that run now. Only time on a thread counts.
        """
        self._patience = patience
        self._per_owner = per_owner
        self._clock = clock
        self._owners: dict[str, _Owner] = {}
        self._changed = Condition()
        self._is_closed = False
        self._threads = [Thread(target=self._serve, name=f"{name}_{n}", daemon=True) for n in range(count)]
        self._has_begun = False

    async def run(self, owner: str, work: Callable[[], Answer]) -> Answer:
        """What `work` returns or raises, on a thread.

        When cancelled, work that has begun keeps its thread to its end; nobody waits for it. Raises TurnedAwayError,
        at once or when the owner's work proves slow, and ThreadsClosedError.
        """
        future: Future[Answer | _Refusal] = Future()
        self._enqueue(owner, future, work)
        try:
            answer = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self._withdraw(owner, future)
            raise
        if isinstance(answer, _Refusal):
            raise answer.error
        return answer

    def close(self) -> None:
        """End the threads: what runs is finished, what waits is told. Blocks for a piece of work at most."""
        with self._changed:
            self._is_closed = True
            for owner in self._owners.values():
                while owner.waiting:
                    owner.refuse_last(ThreadsClosedError)
            self._changed.notify_all()
        if self._has_begun:
            for thread in self._threads:
                thread.join()

    def _enqueue(self, name: str, future: Future[Any], work: Callable[[], Any]) -> None:
        with self._changed:
            if self._is_closed:
                raise ThreadsClosedError
            if not self._has_begun:
                self._has_begun = True
                for thread in self._threads:
                    thread.start()
            now_s = self._clock()
            owner = self._owner(name, now_s)
            owner.waiting[future] = work
            self._shorten(owner, now_s)
            if owner.running < self._per_owner:  # else the thread that ends one of its pieces sees to this one
                self._changed.notify()

    def _owner(self, name: str, now_s: float) -> _Owner:
        owner = self._owners.get(name) or _Owner(deque(maxlen=max(_LAST_PIECES, self._per_owner)))
        if not owner.is_active:
            used_s = (other.used_s + other.ages_s(now_s) for other in self._owners.values() if other.is_active)
            owner.used_s = max(owner.used_s, min(used_s, default=0.0))
        self._owners[name] = owner
        return owner

    def _shorten(self, owner: _Owner, now_s: float) -> None:
        """The last to come would wait in vain."""
        room = self._room(owner, now_s)
        while len(owner.waiting) > room:
            owner.refuse_last(TurnedAwayError)

    def _room(self, owner: _Owner, now_s: float) -> int:
        """How many of its pieces may wait; those that need not are always let in."""
        pieces = len(owner.took_s) + owner.running
        mean_s = (sum(owner.took_s) + owner.ages_s(now_s)) / pieces if pieces else 0.0
        if mean_s <= self._patience.slow_s:
            return sys.maxsize
        return max(int(self._per_owner * self._patience.wait_s / mean_s), self._per_owner - owner.running)

    def _withdraw(self, name: str, future: Future[Any]) -> None:
        with self._changed:
            owner = self._owners.get(name)
            if owner and owner.waiting.pop(future, None):
                self._forget(owner)

    def _forget(self, owner: _Owner) -> None:
        """What need not be known any more, if the owner has nothing left."""
        if owner.is_active:
            return
        owner.took_s.clear()  # what comes next is another feed, perhaps in another hour
        if not any(other.is_active for other in self._owners.values()):
            self._owners.clear()

    def _serve(self) -> None:
        while self._serve_one():
            pass

    def _serve_one(self) -> bool:
        """A function of its own: a thread that waits keeps no body and no answer in memory."""
        if (piece := self._next()) is None:
            return False
        try:
            answer = piece.work()
        except BaseException as error:  # noqa: BLE001  # it belongs to the one who waits
            self._end(piece)
            piece.future.set_exception(error)
        else:
            self._end(piece)
            piece.future.set_result(answer)
        return True

    def _next(self) -> _Piece | None:
        """Waits for it; None when closed."""
        with self._changed:
            while not self._is_closed:
                ready = [one for one in self._owners.values() if one.waiting and one.running < self._per_owner]
                if not ready:
                    self._changed.wait()
                    continue
                now_s = self._clock()
                owner = min(ready, key=lambda one: one.used_s + one.ages_s(now_s))
                future, work = owner.waiting.popitem(last=False)
                if future.set_running_or_notify_cancel():
                    owner.begin(now_s)
                    return _Piece(owner, future, work, now_s)
                self._forget(owner)
        return None

    def _end(self, piece: _Piece) -> None:
        with self._changed:
            now_s = self._clock()
            piece.owner.end(piece.begun_s, now_s)
            self._shorten(piece.owner, now_s)
            self._forget(piece.owner)
