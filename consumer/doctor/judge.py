# SPDX-License-Identifier: Apache-2.0
"""Reads configurations for one check, and remembers what it was not told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.doctor.finding import Finding
from consumer.kafka.inspection import Untold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.doctor.finding import Status
    from consumer.kafka.inspection import Configs


@dataclass(frozen=True, slots=True)
class Judge:
    """Of one check."""

    check: str
    configs: Mapping[str, Configs | Untold]
    """Of each topic, or of each broker."""
    untold: dict[tuple[str, Untold], None] = field(default_factory=dict)
    """Who did not tell, and why: a set that keeps its order."""

    def text(self, owner: str, name: str) -> str | None:
        """A configuration as it is written; None where it is not told, or nothing is known of the owner."""
        configs = self.configs.get(owner)
        if configs is None:
            return None
        if isinstance(configs, Untold):
            self.untold[owner, configs] = None
            return None
        if (value := configs.get(name)) is None:
            self.untold[owner, Untold(f"the broker does not tell {name}")] = None
        return value

    def number(self, owner: str, name: str) -> int | None:
        """The same as a number."""
        value = self.text(owner, name)
        return None if value is None else int(value)

    def numbers(self, name: str) -> list[int]:
        """Those of all who tell."""
        return [number for owner in self.configs if (number := self.number(owner, name)) is not None]

    def says(self, status: Status, found: str, advice: str | None = None) -> Finding:
        """A finding of the check."""
        return Finding(self.check, status, found, advice)
