# SPDX-License-Identifier: Apache-2.0
"""Which products came by in one run, in 12 to 24 bytes each: a Python set of their keys would take ten times that."""

from __future__ import annotations

from array import array

_FIRST_SLOTS = 1 << 12
_MAX_LOAD = 0.66
_64_BITS = (1 << 64) - 1


class Seen:
    """A set of texts by their 64-bit hashes, open addressing.

    Two of a million texts share a hash with a chance of 1 in 40 million: the second would count as seen.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _FIRST_SLOTS))
        self._count = 0

    def add(self, text: str) -> bool:
        """Whether it is new here."""
        code = _code(text)
        slot = self._slot(code)
        if self._slots[slot]:
            return False
        self._slots[slot] = code
        self._count += 1
        if self._count > _MAX_LOAD * len(self._slots):
            self._grow()
        return True

    def __contains__(self, text: str) -> bool:
        return self._slots[self._slot(_code(text))] != 0

    def __len__(self) -> int:
        return self._count

    def _slot(self, code: int) -> int:
        """Where the hash lies, or the free place where it would."""
        slots, mask = self._slots, len(self._slots) - 1
        slot = code & mask
        while slots[slot] not in (0, code):
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        old = self._slots
        self._slots = array("Q", bytes(2 * 8 * len(old)))
        for code in old:
            if code:
                self._slots[self._slot(code)] = code


def _code(text: str) -> int:
    return hash(text) & _64_BITS or 1  # 0 marks a free place
