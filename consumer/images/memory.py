# SPDX-License-Identifier: Apache-2.0
"""A bound on the bytes of bodies that come in or wait to be decoded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class BodyMemory:
    """Counts what has really come. Over the limit only the oldest body goes on, so that one always gets through.

    Nothing is reserved by what a header claims: some hosts that claim 10 MiB each and send nothing could then hold
    everybody up. What comes before a reader stops is in the sockets' buffers. For one event loop.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._taken_bytes = 0
        self._shares: dict[Share, None] = {}
        self._freed = asyncio.Event()

    @property
    def taken_bytes(self) -> int:
        """What is held now."""
        return self._taken_bytes

    def share(self) -> Share:
        """An account for one body, empty; as a context it gives back what it took."""
        return Share(self)

    def take(self, share: Share, size_bytes: int) -> bool:
        """Book bytes that came; whether the next may come at once."""
        self._taken_bytes += size_bytes
        self._shares[share] = None
        return self._taken_bytes <= self._max_bytes

    async def wait(self, share: Share, limit_s: float | None) -> None:
        """Until the next may come. Raises TimeoutError."""
        async with asyncio.timeout(limit_s):
            await self._wait(share)

    async def _wait(self, share: Share) -> None:
        while self._taken_bytes > self._max_bytes and next(iter(self._shares)) is not share:
            self._freed.clear()
            await self._freed.wait()

    def give_back(self, share: Share, size_bytes: int) -> None:
        """What the share held is free."""
        self._taken_bytes -= size_bytes
        del self._shares[share]
        self._freed.set()


class Share:
    """What one body holds."""

    __slots__ = ("_held_bytes", "_memory")

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self._held_bytes = 0

    async def add(self, size_bytes: int, limit_s: float | None = None) -> None:
        """So many more have come; waits while others hold too much. Raises TimeoutError after `limit_s`."""
        self._held_bytes += size_bytes
        if size_bytes and not self._memory.take(self, size_bytes):
            await self._memory.wait(self, limit_s)

    def empty(self) -> None:
        """The body is gone."""
        if self._held_bytes:
            self._memory.give_back(self, self._held_bytes)
            self._held_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.empty()
