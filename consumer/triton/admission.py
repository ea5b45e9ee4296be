# SPDX-License-Identifier: Apache-2.0
"""How much is sent and not answered, counted in images, because images are what the slowest step batches."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Admission:
    """Lets requests through in order while no more than `limit` images are under way. For one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._free = limit
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def images_in_flight(self) -> int:
        """Images admitted and not done."""
        return self._limit - self._free

    @asynccontextmanager
    async def admit(self, images: int) -> AsyncIterator[None]:
        """Wait for room for a request of so many images; a request above the limit counts as the limit."""
        weight = min(images, self._limit)
        await self._enter(weight)
        try:
            yield
        finally:
            self._leave(weight)

    async def _enter(self, weight: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (weight, turn)
        self._waiting.append(waiter)
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(waiter)
                self._let_in()
            else:  # let in at the very moment of being cancelled
                self._leave(weight)
            raise

    def _leave(self, weight: int) -> None:
        self._free += weight
        self._let_in()

    def _let_in(self) -> None:
        """First come, first served: a big request is not overtaken by small ones for ever."""
        while self._waiting and self._waiting[0][0] <= self._free:
            weight, turn = self._waiting.popleft()
            self._free -= weight
            turn.set_result(None)
