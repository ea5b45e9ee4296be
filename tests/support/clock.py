# SPDX-License-Identifier: Apache-2.0
"""Time that passes when a test says so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Clock:
    """Stands in for `time.monotonic`; add to `now_s` to let time pass."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s
