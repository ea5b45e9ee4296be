# SPDX-License-Identifier: Apache-2.0
"""What a check comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Status(StrEnum):
    """How bad it is. Only `failed` makes a command exit with 1."""

    OK = "ok"
    WARNING = "warning"
    """It works, and somebody should know."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Neither read nor tried; nothing is assumed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a report. `advice` is the command or the setting that mends it."""

    check: str
    status: Status
    found: str
    advice: str | None = None


def verdict(check: str, findings: Iterable[Finding], fine: str) -> Iterator[Finding]:
    """The findings; where there are none, that it is fine."""
    found = list(findings)
    yield from found or [Finding(check, Status.OK, fine)]
