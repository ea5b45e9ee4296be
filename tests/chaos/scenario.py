# SPDX-License-Identifier: Apache-2.0
"""What a run is made of; with the same seed, the same faults in the same order."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The full matrix deals this to each protocol.
FULL_DECK = {
    "kill": 42,
    "takeover": 11,
    "freeze 2 s": 5,
    "freeze 9 s": 5,
    "freeze 20 s": 3,
    "freeze before offsets": 2,
    "term": 4,
    "join and leave": 3,
    "broker freeze": 2,
    "broker restart": 1,
    "broker kill": 1,
    "before offsets": 2,
    "before commit": 2,
    "during commit": 2,
    "committed wait": 2,
}


#: Offset metadata must be shorter than this many bytes: empty.
FRONTIER_ONLY = {"offset.metadata.max.bytes": "1"}


def scaled(deck: Mapping[str, int], share: float) -> dict[str, int]:
    """So much of each fault, rounded up."""
    return {name: math.ceil(count * share) for name, count in deck.items()}


@dataclass(frozen=True)
class Scenario:
    """One run."""

    protocol: str
    seed: int
    events: int
    """Committed input events at least."""
    deck: Mapping[str, int]
    """Fault -> how often."""
    pause_s: tuple[float, float] = (0.8, 2.5)
    """Between two faults."""
    mean_delay_s: float = 0.1
    """Of the stub stages."""
    commit_intervals_s: tuple[float, ...] = (0.02, 0.1, 1.0)
    """Each life of a slot draws one."""
    session_timeout_s: float = 6.0
    transaction_timeout_s: float = 5.0
    sabotage: str = ""
    is_frontier_only: bool = False
    """On a broker that takes no offset metadata: nothing beyond the frontier can be published."""

    @property
    def broker_properties(self) -> dict[str, str]:
        """What the run's own broker is started with."""
        return FRONTIER_ONLY if self.is_frontier_only else {}

    def dealt(self) -> list[str]:
        """The faults in their order."""
        cards = [name for name, count in self.deck.items() for _ in range(count)]
        random.Random(self.seed).shuffle(cards)
        return cards
