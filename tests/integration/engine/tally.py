# SPDX-License-Identifier: Apache-2.0
"""Counters in a memory-mapped file: they outlive the process that counts, and a killer reads them at any moment."""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = ("running", "started", "finished", "already_done", "largest_bitmap", "bitmaps")
_SLOT = struct.Struct("<q")


class Tally:
    """One file per slot. `running` is the present life's, the others add up over all of them."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(len(FIELDS) * _SLOT.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)

    def get(self, name: str) -> int:
        value: int = _SLOT.unpack_from(self._memory, FIELDS.index(name) * _SLOT.size)[0]
        return value

    def put(self, name: str, value: int) -> None:
        _SLOT.pack_into(self._memory, FIELDS.index(name) * _SLOT.size, value)

    def add(self, name: str, amount: int = 1) -> None:
        self.put(name, self.get(name) + amount)
