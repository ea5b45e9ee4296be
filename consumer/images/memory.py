# SPDX-License-Identifier: Apache-2.0
"""A bound on the bytes of bodies that come in or wait to be decoded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class BodyMemory:
    """Counts what has really come. Over the limit only the oldest body goes on, so that one always gets through.

    Of one owner, no more than `per_owner_bytes` and its oldest body go on: else one could hold everybody up. Nothing is
    reserved by what a header claims: some hosts that claim 10 MiB each and send nothing could do that too. What comes
    before a reader stops is in the sockets' buffers. For one event loop.
    """

    def __init__(self, max_bytes: int, per_owner_bytes: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._per_owner_bytes = max_bytes if per_owner_bytes is None else per_owner_bytes
        self._taken_bytes = 0
        self._owners_bytes: dict[str, int] = {}
        self._shares: dict[Share, None] = {}
        self._freed = asyncio.Event()

    @property
    def taken_bytes(self) -> int:
        """What is held now."""
        return self._taken_bytes

    def share(self, owner: str = "") -> Share:
        """An account for one body, empty; as a context it gives back what it took."""
        return Share(self, owner)

    def has_room(self, owner: str) -> bool:
        """Whether nobody has to wait, and the owner neither."""
        return self._taken_bytes <= self._max_bytes and self._owners_bytes.get(owner, 0) <= self._per_owner_bytes

    def take(self, share: Share, size_bytes: int) -> bool:
        """Book bytes that came; whether the next may come at once."""
        self._taken_bytes += size_bytes
        self._owners_bytes[share.owner] = self._owners_bytes.get(share.owner, 0) + size_bytes
        self._shares[share] = None
        return self.has_room(share.owner)

    async def wait(self, share: Share) -> None:
        """Until the next may come."""
        while not self._may_go_on(share):
            self._freed.clear()
            await self._freed.wait()

    def give_back(self, share: Share, size_bytes: int) -> None:
        """What the share held is free."""
        self._taken_bytes -= size_bytes
        self._owners_bytes[share.owner] -= size_bytes
        if not self._owners_bytes[share.owner]:
            del self._owners_bytes[share.owner]
        del self._shares[share]
        self._freed.set()

    def _may_go_on(self, share: Share) -> bool:
        if self.has_room(share.owner) or next(iter(self._shares)) is share:
            return True
        if self._taken_bytes > self._max_bytes:
            return False
        return next(other for other in self._shares if other.owner == share.owner) is share


class Share:
    """What one body holds."""

    __slots__ = ("_held_bytes", "_memory", "owner")

    def __init__(self, memory: BodyMemory, owner: str) -> None:
        self._memory = memory
        self._held_bytes = 0
        self.owner = owner

    def add(self, size_bytes: int) -> bool:
        """So many more have come; whether the next may come at once, else room has to `come`."""
        self._held_bytes += size_bytes
        return not size_bytes or self._memory.take(self, size_bytes)

    @property
    def is_there(self) -> bool:
        """Whether a first byte may come at once."""
        return self._memory.has_room(self.owner)

    async def come(self) -> None:
        """Wait while others hold too much for a first byte to come, or for another one."""
        await self._memory.wait(self)

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
