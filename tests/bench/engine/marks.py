# SPDX-License-Identifier: Apache-2.0
"""How a process under measurement says how far it is: one line after each commit."""

from __future__ import annotations

import sys
import time
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Mark:
    """So many events are final, at this moment, and so much CPU time the whole process has used by then."""

    published: int
    at_s: float
    """CLOCK_MONOTONIC, which is one clock for all processes of a machine."""
    cpu_s: float
    peak_rss_mb: float
    peak_held_mb: float
    """Bytes that the engine had reserved at most, by its own count."""

    @classmethod
    def now(cls, published: int, peak_held_mb: float) -> Self:
        return cls(published, time.monotonic(), time.process_time(), _peak_rss_mb(), peak_held_mb)

    @classmethod
    def read(cls, line: str) -> Self | None:
        """None for a line that is no mark."""
        words = line.split()
        if len(words) != 1 + len(fields(cls)) or words[0] != "mark":
            return None
        return cls(int(words[1]), *map(float, words[2:]))

    def say(self) -> None:
        sys.stdout.write(f"mark {' '.join(map(str, astuple(self)))}\n")
        sys.stdout.flush()


def _peak_rss_mb() -> float:
    # `getrusage` would count what the parent had in memory when it forked.
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
