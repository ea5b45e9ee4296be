# SPDX-License-Identifier: Apache-2.0
"""Numbers in a memory-mapped file: they outlive the process that counts, and a killer reads them at any moment."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Of the present life, set to zero by the next one.
OF_A_LIFE = (
    "held",  # deliveries admitted and not yet published
    "in_transaction",  # 1 between begin and the end of a transaction
    "partitions",  # bit n: partition n is ours, with its committed offsets read
    "failpoint",  # the one that is armed
    "failpoint_signal",  # what it ends in
)
#: Added up over all lives of a slot.
OF_ALL_LIVES = ("started", "finished", "already_done", "bitmaps", "largest_bitmap", "strikes", "commits")
_FIELDS = OF_A_LIFE + OF_ALL_LIVES
_BYTES = 8


class Tally:
    """One file per slot. Each field has one thread that writes it; single numbers are read and written whole."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(len(_FIELDS) * _BYTES))
        with path.open("r+b") as file:
            self._numbers = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")

    def get(self, name: str) -> int:
        return self._numbers[_FIELDS.index(name)]

    def put(self, name: str, value: int) -> None:
        self._numbers[_FIELDS.index(name)] = value

    def add(self, name: str, amount: int = 1) -> None:
        self._numbers[_FIELDS.index(name)] += amount

    def begin_life(self) -> None:
        for name in OF_A_LIFE:
            self.put(name, 0)
