# SPDX-License-Identifier: Apache-2.0
"""Threads that serve owners in turn: one with a thousand pieces of work lets everybody else wait for a few of them."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from consumer.images.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

Answer = TypeVar("Answer")

#: One runs, one is at hand: a thread that ends its work goes on before the event loop knows of it.
_SLOTS_PER_THREAD = 2


class FairThreads:
    """Whoever makes it closes it. For one event loop."""

    def __init__(self, count: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._gate = Gate(count * _SLOTS_PER_THREAD, None)
        self._is_closed = False

    async def run(self, owner: str, work: Callable[[], Answer]) -> Answer:
        """What `work` returns or raises, on a thread.

        When cancelled, work that has begun keeps its thread to its end; nobody waits for it. Raises CancelledError
        when the threads are closed.
        """
        if not await self._gate.enter(owner):
            raise asyncio.CancelledError
        if self._is_closed:
            self._gate.leave(None, owner)
            raise asyncio.CancelledError
        loop = asyncio.get_running_loop()

        def leave(_: Future[Answer]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                loop.call_soon_threadsafe(self._gate.leave, None, owner)

        running = self._threads.submit(work)
        # Called once, when the thread is free of it: the work is done, or was cancelled before it began.
        running.add_done_callback(leave)
        return await asyncio.wrap_future(running)

    def close(self) -> None:
        """End the threads: what runs is finished, what waits is cancelled. Blocks for a piece of work at most."""
        self._is_closed = True
        self._gate.turn_all_away()
        self._threads.shutdown(cancel_futures=True)
