# SPDX-License-Identifier: Apache-2.0
"""Threads that serve owners in turn: one with a thousand pieces of work lets everybody else wait for a few of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from consumer.images.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from consumer.images.gate import Patience

Answer = TypeVar("Answer")

#: One runs, one is at hand: a thread that ends its work goes on before the event loop knows of it.
_SLOTS_PER_THREAD = 2


class TurnedAwayError(Exception):
    """The queue is too long for the pace of the work in it."""


class FairThreads:
    """Whoever makes it closes it. For one event loop."""

    def __init__(self, count: int, name: str, patience: Patience | None = None) -> None:
        """Without `patience` nobody is turned away; with it, work's time is counted from when it is at hand."""
        self._threads = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._gate = Gate(count * _SLOTS_PER_THREAD, patience)
        self._is_closed = False

    async def run(self, owner: str, work: Callable[[], Answer]) -> Answer:
        """What `work` returns or raises, on a thread.

        When cancelled, work that has begun keeps its thread to its end; nobody waits for it. Raises TurnedAwayError,
        and CancelledError when the threads are closed.
        """
        has_entered = await self._gate.enter(owner)
        if self._is_closed:
            if has_entered:
                self._gate.leave(None, owner)
            raise asyncio.CancelledError
        if not has_entered:
            raise TurnedAwayError
        begun_s = time.monotonic()
        self._gate.begin(begun_s)
        loop = asyncio.get_running_loop()

        def leave(_: Future[Answer]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                loop.call_soon_threadsafe(self._gate.leave, begun_s, owner)

        running = self._threads.submit(work)
        # Called once, when the thread is free of it: the work is done, or was cancelled before it began.
        running.add_done_callback(leave)
        return await asyncio.wrap_future(running)

    def close(self) -> None:
        """End the threads: what runs is finished, what waits is cancelled. Blocks for a piece of work at most."""
        self._is_closed = True
        self._gate.turn_all_away()
        self._threads.shutdown(cancel_futures=True)
