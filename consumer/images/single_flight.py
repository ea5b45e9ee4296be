# SPDX-License-Identifier: Apache-2.0
"""What several ask for at the same time is done once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

Answer = TypeVar("Answer")


class SingleFlight(Generic[Answer]):
    """The first who asks does the work, in its own task; the others wait for the answer. For one event loop."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Future[tuple[Answer] | None]] = {}

    async def run(self, key: Hashable, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of the work that runs for `key`, or of `work`.

        Where the one who works is cancelled or fails, one of those who wait does it again.
        """
        while (running := self._running.get(key)) is not None:
            if (answer := await asyncio.shield(running)) is not None:
                return answer[0]
        mine = self._running[key] = asyncio.get_running_loop().create_future()
        done: tuple[Answer] | None = None
        try:
            done = (await work(),)
        finally:
            del self._running[key]
            mine.set_result(done)
        return done[0]
