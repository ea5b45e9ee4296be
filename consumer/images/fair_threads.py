# SPDX-License-Identifier: Apache-2.0
"""Threads that owners share by the second: one with a thousand long pieces of work gets no more than another."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from consumer.images.fair_queue import FairQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from consumer.images.fair_queue import Piece
    from consumer.images.gate import Patience

log = structlog.get_logger()

Answer = TypeVar("Answer")


class TurnedAwayError(Exception):
    """The owner's queue is too long for the pace of its work."""


class NoThreadError(Exception):
    """The system has no thread for the work now; the next call may have one."""


class ThreadsClosedError(Exception):
    """The work has not begun, and will not."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """In place of an answer. The future would keep an error, and with it every frame that the error went through."""

    error: type[Exception]


class FairThreads:
    """A free thread goes to the owner that has used the fewest seconds of all threads (`FairQueue`).

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
        self._queue = FairQueue(patience, per_owner)
        self._clock = clock
        self._changed = Condition()
        self._is_closed = False
        self._threads = [Thread(target=self._serve, name=f"{name}_{n}", daemon=True) for n in range(count)]

    async def run(self, owner: str, work: Callable[[], Answer]) -> Answer:
        """What `work` returns or raises, on a thread.

        When cancelled, work that has begun keeps its thread to its end; nobody waits for it. Raises TurnedAwayError,
        at once or when the owner's work proves slow, ThreadsClosedError and NoThreadError.
        """
        future: Future[Answer | _Refusal] = Future()
        self._add(owner, future, work)
        try:
            answer = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            with self._changed:
                self._queue.withdraw(owner, future)
            raise
        if isinstance(answer, _Refusal):
            raise answer.error
        return answer

    def close(self) -> None:
        """End the threads: what runs is finished, what waits is told. Blocks for a piece of work at most."""
        with self._changed:
            self._is_closed = True
            _refuse(self._queue.clear(), ThreadsClosedError)
            self._changed.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _add(self, name: str, future: Future[Any], work: Callable[[], Any]) -> None:
        with self._changed:
            if self._is_closed:
                raise ThreadsClosedError
            self._start()
            now_s = self._clock()
            owner = self._queue.add(name, future, work, now_s)
            _refuse(self._queue.shorten(owner, now_s), TurnedAwayError)
            if self._queue.may_begin(owner):  # else the thread that ends one of its pieces looks for the next
                self._changed.notify()

    def _start(self) -> None:
        """Those threads that are missing. When the system has no more, those that run do the work."""
        try:
            for thread in self._threads:
                if thread.ident is None:
                    thread.start()
        except RuntimeError as error:
            if self._threads[0].ident is None:
                log.warning("image_thread_missing", thread=self._threads[0].name, error=str(error))
                raise NoThreadError from error

    def _serve(self) -> None:
        while self._serve_one():
            pass

    def _serve_one(self) -> bool:
        """False when closed. A function of its own: a thread that waits keeps no body and no answer."""
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

    def _next(self) -> Piece | None:
        """Waits for it; None when closed."""
        with self._changed:
            while not self._is_closed:
                if (piece := self._queue.take(self._clock())) is not None:
                    return piece
                self._changed.wait()
        return None

    def _end(self, piece: Piece) -> None:
        with self._changed:
            now_s = self._clock()
            self._queue.end(piece, now_s)
            _refuse(self._queue.shorten(piece.owner, now_s), TurnedAwayError)


def _refuse(futures: Iterable[Future[Any]], error: type[Exception]) -> None:
    for future in futures:
        if future.set_running_or_notify_cancel():
            future.set_result(_Refusal(error))
