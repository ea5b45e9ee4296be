# SPDX-License-Identifier: Apache-2.0
"""How a process under measurement says how far it is: one line after each commit."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Mark:
    """So many events are final, at this moment, and so much CPU time the whole process has used by then."""

    published: int
    at_s: float
    """CLOCK_MONOTONIC, which is one clock for all processes of a machine."""
    cpu_s: float

    @classmethod
    def now(cls, published: int) -> Self:
        return cls(published, time.monotonic(), time.process_time())

    @classmethod
    def read(cls, line: str) -> Self | None:
        """None for a line that is no mark."""
        words = line.split()
        if len(words) != 4 or words[0] != "mark":  # as `say` writes it
            return None
        return cls(int(words[1]), float(words[2]), float(words[3]))

    def say(self) -> None:
        sys.stdout.write(f"mark {self.published} {self.at_s} {self.cpu_s}\n")
        sys.stdout.flush()
