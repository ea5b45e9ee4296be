# SPDX-License-Identifier: Apache-2.0
"""Moments at which work in progress is cut off, all by one timer.

`asyncio.timeout` sets a timer for each and takes it back, a tenth of what our checks cost an image on a kept
connection; hardly one of them ever rings.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Deadlines:
    """Those of one event loop, the one in which it is made."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running: set[Deadline] = set()
        self._next_look: asyncio.TimerHandle | None = None
        self._look_at_s = math.inf

    def within(self, limit_s: float) -> Deadline:
        """A context out of which TimeoutError comes so many seconds from now, unless it ends before."""
        return Deadline(self, self._loop.time() + limit_s)

    def start(self, deadline: Deadline) -> None:
        """It counts, from now on or with another moment."""
        self._running.add(deadline)
        if deadline.when_s < self._look_at_s:
            self._look_by(deadline.when_s)

    def stop(self, deadline: Deadline) -> None:
        """It does not count."""
        self._running.discard(deadline)

    def _look_by(self, when_s: float) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
        self._look_at_s = when_s
        self._next_look = self._loop.call_at(when_s, self._look)

    def _look(self) -> None:
        self._next_look, self._look_at_s = None, math.inf
        now_s = self._loop.time()
        for deadline in [running for running in self._running if running.when_s <= now_s]:
            self._running.remove(deadline)
            deadline.cut_off()
        if self._running:
            self._look_by(min(running.when_s for running in self._running))


class Deadline:
    """Cuts off the task that entered it, once, when its moment comes; as `asyncio.timeout` does."""

    __slots__ = ("_all", "_cancelling", "_is_over", "_task", "when_s")

    def __init__(self, all_of_them: Deadlines, when_s: float) -> None:
        self._all = all_of_them
        self._is_over = False
        self.when_s = when_s
        """By the event loop's clock."""

    def put_off(self) -> None:
        """Until `resume`, time does not count."""
        self._all.stop(self)

    def resume(self, when_s: float) -> None:
        """Time counts again, until then."""
        self.when_s = when_s
        self._all.start(self)

    def cut_off(self) -> None:
        """The moment has come."""
        self._is_over = True
        self._task.cancel()

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "a deadline is for a task"
        self._task, self._cancelling = task, task.cancelling()
        self._all.start(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._all.stop(self)
        # With more requests to cancel than there were before, somebody else wants the task to end.
        if self._is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
