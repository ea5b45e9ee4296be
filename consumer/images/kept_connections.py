# SPDX-License-Identifier: Apache-2.0
"""Which connections may idle. Without a bound a vendor that invents names could use up all descriptors."""

from __future__ import annotations

from typing import Protocol


class Connection(Protocol):
    """Hashed by identity."""

    def is_connected(self) -> bool:
        """Whether it is open."""


class KeptConnections:
    """So many at a time, whichever hosts they lead to; each until it is closed, which nobody has to tell."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: set[Connection] = set()

    def keeps(self, connection: Connection) -> bool:
        """Whether the one that is used now may stay open."""
        if connection in self._kept:
            return True
        if len(self._kept) >= self._limit:
            self._kept = {kept for kept in self._kept if kept.is_connected()}
        if len(self._kept) >= self._limit:
            return False
        self._kept.add(connection)
        return True
