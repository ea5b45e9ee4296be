# SPDX-License-Identifier: Apache-2.0
"""What is measured: loads, bad hosts, and whether we are protected against them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Manner(StrEnum):
    """How a host answers."""

    GOOD = "good"
    NONE = "none"
    SILENT = "silent"
    SLOW = "slow"
    DRIP = "drip"
    TOO_MANY = "429"
    NAMES = "names"
    RUSH = "rush"


#: What the second picture of every second product meets, in the order of a round.
BAD = {
    Manner.SILENT: "takes every request and answers none",
    Manner.SLOW: "answers after 4.5 s, just below the read timeout",
    Manner.DRIP: "sends a byte every 0.3 s, until the limit of the whole fetch",
    Manner.TOO_MANY: "answers 429 after 20 ms, every second time with Retry-After: 2",
    Manner.NAMES: "every URL names a host of its own, and the name server is silent about it",
    Manner.RUSH: "every URL names a host of its own, which sends 2.3 MB at once and then a byte every 0.5 s",
}
NONE = "no bad host: 404 after 20 ms, so that there is as much to decode as beside a bad one"
#: Above all that comes, and above what validation takes: a slow host never counts as one, and none is left alone.
PROTECTION_OFF = {"slow_host_s": 1e9, "breaker_failures": 10**9}


@dataclass(frozen=True, slots=True)
class Load:
    """So many products, at so many a second; 0 means all at once, a backlog."""

    per_second: float
    products: int

    def __str__(self) -> str:
        if not self.per_second:
            return f"backlog of {self.products:,}"
        return f"{self.per_second:g}/s for {self.seconds:g} s"

    @property
    def seconds(self) -> float:
        """From the moment when the first is due until the last is."""
        return self.due_s(self.products)

    def due_s(self, number: int) -> float:
        """After the first."""
        return number / self.per_second if self.per_second else 0.0


@dataclass(frozen=True, slots=True)
class Arm:
    """One of those that are measured in turn."""

    manner: Manner
    is_control: bool = False
    """Protection off: what the bad host does then."""

    def __str__(self) -> str:
        return f"{self.manner}, CONTROL" if self.is_control else str(self.manner)


def arms_of(manners: list[Manner], *, has_control: bool) -> list[Arm]:
    """In the order of a round; the one without a bad host is first, the others are held against it."""
    controls = (False, True) if has_control else (False,)
    return [Arm(Manner.NONE), *(Arm(manner, is_control) for manner in manners for is_control in controls)]
