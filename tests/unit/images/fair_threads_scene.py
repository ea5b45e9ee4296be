# SPDX-License-Identifier: Apache-2.0
"""Threads that owners share, under a clock."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

from consumer.images.fair_threads import FairThreads
from consumer.images.gate import Patience
from tests.support.clock import Clock
from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_S = 30
PATIENCE = Patience(slow_s=1, wait_s=15)
#: Where seconds decide and no queue is cut.
ENDLESS = Patience(slow_s=sys.float_info.max, wait_s=0)


class Blocked:
    """Work that ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self._go_on = threading.Event()

    def __call__(self) -> None:
        self.begun += 1
        assert self._go_on.wait(LIMIT_S)

    def end(self) -> None:
        self._go_on.set()


class Scene:
    """Threads under a clock, and work for them that takes the seconds that it says."""

    def __init__(self, count: int, patience: Patience, per_owner: int) -> None:
        self.clock = Clock()
        self.fair = FairThreads(count, "fair", patience, per_owner=per_owner, clock=self.clock)
        self.order = ""
        self._blocked: list[Blocked] = []

    @property
    def waiting(self) -> int:
        return self.fair._queue.waiting

    async def block(self, owner: str) -> tuple[asyncio.Task[None], Blocked]:
        """Work that runs until it is told to end."""
        blocked = Blocked()
        self._blocked.append(blocked)
        running = asyncio.create_task(self.fair.run(owner, blocked))
        await until(lambda: blocked.begun)
        return running, blocked

    async def ask(self, owner: str, pieces: int, seconds: float = 0) -> list[asyncio.Task[None]]:
        """So many pieces, which have asked when this returns; each leaves the owner's name."""
        tasks = [asyncio.create_task(self.fair.run(owner, partial(self._take, owner, seconds))) for _ in range(pieces)]
        await asyncio.sleep(0)
        return tasks

    def end(self) -> None:
        for blocked in self._blocked:
            blocked.end()
        self.fair.close()

    def _take(self, owner: str, seconds: float) -> None:
        self.clock.now_s += seconds
        self.order += owner


@contextlib.contextmanager
def scene(count: int = 1, patience: Patience = ENDLESS, *, per_owner: int = 1) -> Iterator[Scene]:
    made = Scene(count, patience, per_owner)
    try:
        yield made
    finally:
        made.end()


async def fates(tasks: list[asyncio.Task[None]]) -> list[type[BaseException] | None]:
    """What each task raised."""
    return [type(error) if error else None for error in await asyncio.gather(*tasks, return_exceptions=True)]
