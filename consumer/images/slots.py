# SPDX-License-Identifier: Apache-2.0
"""Politeness: how many fetches run at a time, per host and in all."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(slots=True)
class _Host:
    free: asyncio.Semaphore
    users: int = 0


class Slots:
    """Waits are in order of arrival. A host is remembered only while somebody uses it: vendors can invent names."""

    def __init__(self, in_all: int, per_host: int) -> None:
        self._free = asyncio.Semaphore(in_all)
        self._per_host = per_host
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[None]:
        """A slot of this host, then one of the process: a crowded host must not hold slots that it cannot use."""
        host = self._hosts.setdefault(key, _Host(asyncio.Semaphore(self._per_host)))
        host.users += 1
        try:
            async with host.free, self._free:
                yield
        finally:
            host.users -= 1
            if not host.users:
                del self._hosts[key]

    @property
    def hosts(self) -> int:
        """Hosts with a fetch that runs or waits."""
        return len(self._hosts)
