# SPDX-License-Identifier: Apache-2.0
"""What was done and what happened, in order, with seconds since the start."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class Timeline:
    """Kept in memory, and written as JSON lines while it grows: a run that fails has it on disk."""

    def __init__(self, path: Path) -> None:
        self.entries: list[dict[str, Any]] = []
        self._path = path
        self._started_s = time.monotonic()

    @property
    def now_s(self) -> float:
        return time.monotonic() - self._started_s

    def add(self, what: str, slot: str | None = None, **details: Any) -> None:
        entry = {"at_s": round(self.now_s, 2), "what": what} | ({"slot": slot} if slot else {}) | details
        self.entries.append(entry)
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def of(self, what: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["what"] == what]
