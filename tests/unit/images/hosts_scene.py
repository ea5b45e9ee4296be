# SPDX-License-Identifier: Apache-2.0
"""Hosts, and time that passes when a test says so."""

from __future__ import annotations

from typing import Any

from consumer.events import FetchReason
from consumer.images.hosts import Evidence, Hosts, Place, Visit
from consumer.settings import ImageSettings
from tests.support.clock import Clock


class Enough:
    """Room for any body."""

    is_there = True

    async def come(self) -> None:
        raise AssertionError("nobody has to wait")


room = Enough()


def let_in(found: Visit | FetchReason) -> Visit:
    assert isinstance(found, Visit), found
    return found


def at(name: str, vendor_id: str = "acme") -> Place:
    """One vendor at a host."""
    return vendor_id, name


class Scene:
    """For one event loop."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.hosts = Hosts(ImageSettings(**settings), self.clock)

    async def visit(self, name: str, evidence: Evidence) -> FetchReason | None:
        """Why the host may not be asked; None when it was, with this outcome."""
        visit = await self.hosts.enter(at(name), room)
        if isinstance(visit, FetchReason):
            return visit
        self.hosts.leave(visit, evidence)
        return None

    async def enter(self, name: str) -> Visit:
        return let_in(await self.hosts.enter(at(name), room))

    async def fail(self, name: str, times: int) -> None:
        for _ in range(times):
            assert await self.visit(name, Evidence.BAD) is None

    async def rest(self, name: str, rest_s: float) -> None:
        """One answer of the host asks for rest."""
        self.hosts.leave(await self.enter(name), Evidence.ALIVE, rest_s)
