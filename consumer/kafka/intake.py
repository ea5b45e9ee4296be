# SPDX-License-Identifier: Apache-2.0
"""How much more may be taken in: slots and bytes, reserved before work starts and given back after the commit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.settings import EngineSettings

#: Intake that stopped starts again when this share of slots and bytes is free: pausing throws away prefetched records.
RESUME_SHARE = 0.4
#: Pause only when there was no room for so long; asking for fewer records is the normal brake.
PAUSE_AFTER_S = 0.5

_FIRST_RECORD_BYTES = 4_096.0
_MEMORY = 0.02  # weight of one record in the running mean


class Intake:
    """The count of what is held: running deliveries and results that are not yet published."""

    def __init__(
        self, settings: EngineSettings, bytes_per_event: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._slots = settings.slots
        self._bytes = settings.bytes
        self._bytes_per_event = bytes_per_event
        self._clock = clock
        self._mean_record_bytes = _FIRST_RECORD_BYTES
        self._full_since_s: float | None = None
        self.held = 0
        """Deliveries admitted and not yet published."""
        self.held_bytes = 0
        """Bytes reserved for them."""

    def room(self) -> int:
        """Deliveries that may be taken in now."""
        free_bytes = self._bytes - self.held_bytes
        by_bytes = max(0, int(free_bytes / (self._mean_record_bytes + self._bytes_per_event)))
        if self.held == 0:
            by_bytes = max(1, by_bytes)  # one that is larger than the whole budget still gets its turn
        room = max(0, min(self._slots - self.held, by_bytes))
        if room:
            self._full_since_s = None
        elif self._full_since_s is None:
            self._full_since_s = self._clock()
        return room

    def should_pause(self) -> bool:
        """Whether there was no room for long."""
        return self._full_since_s is not None and self._clock() - self._full_since_s >= PAUSE_AFTER_S

    def may_resume(self) -> bool:
        """Whether enough is free again."""
        free_share = min(1 - self.held / self._slots, 1 - self.held_bytes / self._bytes)
        return free_share > RESUME_SHARE or self.held == 0

    def reserve(self, record_bytes: int) -> int:
        """Take one slot and the bytes of a delivery that starts; how many bytes that are."""
        self._mean_record_bytes += (record_bytes - self._mean_record_bytes) * _MEMORY
        reserved = record_bytes + self._bytes_per_event
        self.held += 1
        self.held_bytes += reserved
        return reserved

    def correct(self, reserved_bytes: int, real_bytes: int) -> int:
        """The real size is known now; gives it back."""
        self.held_bytes += real_bytes - reserved_bytes
        return real_bytes

    def release(self, reserved_bytes: int, deliveries: int = 1) -> None:
        """Give both back: what is published, or no longer ours."""
        self.held -= deliveries
        self.held_bytes -= reserved_bytes
