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
        self._whole_bytes = 0
        self._owners_whole_bytes: dict[str, int] = {}
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

    def is_held_by_us(self, owner: str) -> bool:
        """Whether most of what is too much is bodies that came whole: they wait for us, not for a host that drips."""
        if self._taken_bytes > self._max_bytes:
            return 2 * self._whole_bytes >= self._taken_bytes
        return 2 * self._owners_whole_bytes.get(owner, 0) >= self._owners_bytes.get(owner, 0)

    async def freed(self) -> None:
        """Wait until something changes."""
        self._freed.clear()
        await self._freed.wait()

    def count_whole(self, share: Share, size_bytes: int) -> None:
        """So much of what the share holds waits for us from now on; with a minus, no more."""
        self._whole_bytes += size_bytes
        whole_bytes = self._owners_whole_bytes.get(share.owner, 0) + size_bytes
        self._owners_whole_bytes[share.owner] = whole_bytes
        if not whole_bytes:
            del self._owners_whole_bytes[share.owner]
        if not self.has_room(share.owner):
            self._freed.set()

    def give_back(self, share: Share, size_bytes: int) -> None:
        """What the share held is free."""
        self._taken_bytes -= size_bytes
        self._owners_bytes[share.owner] -= size_bytes
        if not self._owners_bytes[share.owner]:
            del self._owners_bytes[share.owner]
        del self._shares[share]
        self._freed.set()

    def may_go_on(self, share: Share) -> bool:
        """Whether the next bytes of the body may come."""
        if self.has_room(share.owner) or next(iter(self._shares)) is share:
            return True
        if self._taken_bytes > self._max_bytes:
            return False
        return next((other for other in self._shares if other.owner == share.owner), share) is share


class Share:
    """What one body holds."""

    __slots__ = ("_held_bytes", "_is_whole", "_memory", "owner")

    def __init__(self, memory: BodyMemory, owner: str) -> None:
        self._memory = memory
        self._held_bytes = 0
        self._is_whole = False
        self.owner = owner

    def add(self, size_bytes: int) -> bool:
        """So many more have come; whether the next may come at once, else `may_go_on` says when."""
        self._held_bytes += size_bytes
        return not size_bytes or self._memory.take(self, size_bytes)

    @property
    def is_there(self) -> bool:
        """Whether a first byte may come at once."""
        return self._memory.has_room(self.owner)

    @property
    def may_go_on(self) -> bool:
        """Whether more of the body may come."""
        return self._memory.may_go_on(self)

    @property
    def waits_for_us(self) -> bool:
        """Whether what has to go first is ours to do; else hosts hold it, for as long as their deadlines let them."""
        return self._memory.is_held_by_us(self.owner)

    async def freed(self) -> None:
        """Wait until it may be otherwise."""
        await self._memory.freed()

    async def come(self) -> None:
        """Wait for a first byte's room, as long as the wait is for us."""
        while not self.may_go_on and self.waits_for_us:
            await self.freed()

    def whole(self) -> None:
        """All has come; what it holds now waits for us."""
        self._is_whole = True
        self._memory.count_whole(self, self._held_bytes)

    def empty(self) -> None:
        """The body is gone."""
        if self._is_whole:
            self._memory.count_whole(self, -self._held_bytes)
            self._is_whole = False
        if self._held_bytes:
            self._memory.give_back(self, self._held_bytes)
            self._held_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.empty()
