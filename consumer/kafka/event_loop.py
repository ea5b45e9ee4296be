# SPDX-License-Identifier: Apache-2.0
"""The asyncio thread: everything that waits for somebody else runs here, thousands at a time."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

import uvloop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

T = TypeVar("T")

STOP_LIMIT_S = 10.0


class EventLoopThread:
    """An event loop in a thread of its own. The one who starts it stops it; a `with` block does both.

    uvloop's: an event under way takes a third less CPU time on it than on asyncio's own
    (`docs/decisions/0014-cpu-per-event.md`).
    """

    def __init__(self, name: str = "events") -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Let the loop turn."""
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """The coroutine's result; blocks the calling thread. Raises what it raises, or TimeoutError and cancels it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Have the loop call a plain function soon; returns at once."""
        self._loop.call_soon_threadsafe(function, *arguments)

    def stop(self, timeout_s: float = STOP_LIMIT_S) -> None:
        """Cancel what runs, wait for it and join the thread. Raises TimeoutError when something will not end."""
        if self._thread.is_alive():
            self.call(self._loop.stop)
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                raise TimeoutError(f"the event loop did not end within {timeout_s} s")
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(_cancel_the_others())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())


async def _cancel_the_others() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
