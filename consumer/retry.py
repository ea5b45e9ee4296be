# SPDX-License-Identifier: Apache-2.0
"""Backoff with jitter, and the circuit breaker: the one place for both. Clock and randomness are passed in."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter: the n-th wait is uniform in 0..min(cap, first * 2^n) seconds.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    first_s: float = 0.2
    cap_s: float = 10.0
    uniform: Callable[[float, float], float] = random.uniform

    def wait_s(self, attempt: int) -> float:
        """Seconds to wait after failure number `attempt`, counted from 0."""
        return self.uniform(0.0, min(self.cap_s, self.first_s * 2 ** min(attempt, 32)))


@dataclass(slots=True)
class Breaker:
    """Opens after `failures` in a row, for `first_s` doubling to `cap_s`; then lets one trial through.

    Not thread-safe: one thread asks and reports. Whoever was let through must report `succeeded` or `failed`.
    """

    failures: int = 5
    first_s: float = 1.0
    cap_s: float = 30.0
    clock: Callable[[], float] = time.monotonic
    _in_a_row: int = field(default=0, init=False)
    _opened: int = field(default=0, init=False)
    _until: float = field(default=0.0, init=False)
    _trial: bool = field(default=False, init=False)

    @property
    def is_open(self) -> bool:
        """Whether requests are held back; the one trial after the pause does not close it."""
        return self._opened > 0

    def wait_s(self) -> float:
        """Seconds until the next request may pass; 0 lets the caller through now, as the one trial if it is open."""
        if not self.is_open:
            return 0.0
        left = self._until - self.clock()
        if left > 0:
            return left
        if self._trial:
            return self.first_s
        self._trial = True
        return 0.0

    def succeeded(self) -> None:
        """Close it."""
        self._in_a_row = self._opened = 0
        self._trial = False

    def failed(self) -> None:
        """Count one failure; open it at the limit, and for longer after a failed trial."""
        self._in_a_row += 1
        was_trial, self._trial = self._trial, False
        if was_trial or (self._in_a_row >= self.failures and not self.is_open):
            self._until = self.clock() + min(self.cap_s, self.first_s * 2 ** min(self._opened, 32))
            self._opened += 1

    def abandoned(self) -> None:
        """The trial ended without an answer (cancelled): let another one through."""
        self._trial = False
