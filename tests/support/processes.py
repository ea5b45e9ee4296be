# SPDX-License-Identifier: Apache-2.0
"""Everything that a test started, found by a mark in its environment, wherever it moved to."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from consumer.local.keeper import MARK, SHARED_MEMORY
from tests.support.wait import wait_until

ENDED_LIMIT_S = 40


@dataclass(frozen=True, slots=True)
class Family:
    """Processes that were started with `environment`, and all that those started."""

    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "STARTED_BY_TEST": self.mark}

    def living(self) -> dict[int, dict[str, str]]:
        """Their ids, and the environments that they were started with."""
        found = {}
        for process in Path("/proc").glob("[1-9]*"):
            variables = _environment(process)
            if variables.get("STARTED_BY_TEST") == self.mark:
                found[int(process.name)] = variables
        return found

    def tokens(self) -> set[str]:
        """Tokens of the parts that they run."""
        return {variables[MARK] for variables in self.living().values() if MARK in variables}

    def wait_until_gone(self) -> None:
        wait_until(lambda: not self.living(), ENDED_LIMIT_S, f"the end of {list(self.living())}")


def segments(tokens: set[str]) -> list[str]:
    """Shared memory of these parts."""
    return [path.name for path in SHARED_MEMORY.iterdir() if any(path.name.startswith(token) for token in tokens)]


def _environment(process: Path) -> dict[str, str]:
    try:
        entries = (process / "environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:  # gone, or only waits to be reaped, or somebody else's
        return {}
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)
