# SPDX-License-Identifier: Apache-2.0
"""A bound on the bytes of bodies that come in or wait to be decoded."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(slots=True, eq=False)
class Account:
    """What one owner holds."""

    taken_bytes: int = 0
    whole_bytes: int = 0
    """Of bodies that have come whole."""
    shares: dict[Share, None] = field(default_factory=dict)
    """The oldest first."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class BodyMemory:
    """Counts what has really come. Over the limit only the oldest body goes on, so that one always gets through.

    Of one owner, no more than `per_owner_bytes` and its oldest body go on: else one could hold everybody up. Some could
    together, so for all the limit is lower by `for_little_bytes`, which are for those who hold little: no more than an
    equal part of them for each who holds any.
    Nothing is reserved by what a header claims: some hosts that claim 10 MiB each and send nothing could do that too.
    What comes before a reader stops is in the client's and the sockets' buffers. For one event loop.
    """

    def __init__(self, max_bytes: int, per_owner_bytes: int | None = None, for_little_bytes: int = 0) -> None:
        self._common_bytes = max_bytes - for_little_bytes
        self._for_little_bytes = for_little_bytes
        self._per_owner_bytes = max_bytes if per_owner_bytes is None else per_owner_bytes
        self._all = Account()
        self._holders = 0
        self._accounts: defaultdict[str, Account] = defaultdict(Account)
        """Kept once there: as many as there are vendors."""
        self._waiting: dict[Account, None] = {}

    @property
    def taken_bytes(self) -> int:
        """What is held now."""
        return self._all.taken_bytes

    def share(self, owner: str = "") -> Share:
        """An account for one body, empty; as a context it gives back what it took."""
        return Share(self, self._accounts[owner])

    def has_room(self, own: Account) -> bool:
        """Whether nobody has to wait, and the owner neither; or the owner holds little."""
        if own.taken_bytes > self._per_owner_bytes:
            return False
        if not self._is_full:
            return True
        is_little = own.taken_bytes * self._holders <= self._for_little_bytes
        return is_little and self._all.taken_bytes <= self._common_bytes + self._for_little_bytes

    @property
    def _is_full(self) -> bool:
        return self._all.taken_bytes > self._common_bytes

    def take(self, share: Share, size_bytes: int) -> bool:
        """Book bytes that came; whether the next may come at once."""
        everybody, own = self._all, share.account
        self._holders += not own.taken_bytes
        everybody.taken_bytes += size_bytes
        own.taken_bytes += size_bytes
        everybody.shares[share] = own.shares[share] = None
        return self.has_room(own)

    def is_held_by_us(self, own: Account) -> bool:
        """Whether most of what is too much is bodies that came whole: they wait for us, not for a host that drips."""
        return _is_ours(self._all if self._is_full else own)

    async def changes(self, own: Account) -> None:
        """Wait for something that the owner may wait for."""
        own.changed.clear()
        self._waiting[own] = None
        await own.changed.wait()

    def count_whole(self, share: Share, size_bytes: int) -> None:
        """So much of what the share holds waits for us from now on; with a minus, no more."""
        everybody, own = self._all, share.account
        is_full = self._is_full
        was_ours = is_full and _is_ours(everybody)
        everybody.whole_bytes += size_bytes
        own.whole_bytes += size_bytes
        if is_full and _is_ours(everybody) is not was_ours:
            self._tell_all()
        elif not self.has_room(own):
            own.changed.set()

    def give_back(self, share: Share, size_bytes: int) -> None:
        """What the share held is free."""
        was_full = self._is_full
        everybody, own = self._all, share.account
        everybody.taken_bytes -= size_bytes
        own.taken_bytes -= size_bytes
        del everybody.shares[share], own.shares[share]
        self._holders -= not own.taken_bytes
        if was_full:
            self._tell_all()
        else:
            own.changed.set()

    def may_go_on(self, share: Share) -> bool:
        """Whether the next bytes of the body may come."""
        if self.has_room(share.account) or _oldest(self._all) is share:
            return True
        return not self._is_full and _oldest(share.account) is share

    def _tell_all(self) -> None:
        for account in self._waiting:
            account.changed.set()
        self._waiting.clear()


def _is_ours(account: Account) -> bool:
    return 2 * account.whole_bytes >= account.taken_bytes


def _oldest(account: Account) -> Share | None:
    return next(iter(account.shares), None)


class Share:
    """What one body holds."""

    __slots__ = ("_held_bytes", "_is_whole", "_memory", "account")

    def __init__(self, memory: BodyMemory, account: Account) -> None:
        self._memory = memory
        self._held_bytes = 0
        self._is_whole = False
        self.account = account
        """Its owner's."""

    def add(self, size_bytes: int) -> bool:
        """So many more have come; whether the next may come at once, else `may_go_on` says when."""
        self._held_bytes += size_bytes
        return not size_bytes or self._memory.take(self, size_bytes)

    @property
    def is_there(self) -> bool:
        """Whether a first byte may come at once."""
        return self._memory.has_room(self.account)

    @property
    def may_go_on(self) -> bool:
        """Whether more of the body may come."""
        return self._memory.may_go_on(self)

    @property
    def waits_for_us(self) -> bool:
        """Whether what has to go first is ours to do; else hosts hold it, for as long as their deadlines let them."""
        return self._memory.is_held_by_us(self.account)

    async def freed(self) -> None:
        """Wait until it may be otherwise."""
        await self._memory.changes(self.account)

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
