# SPDX-License-Identifier: Apache-2.0
"""How the owner thread is: written by it, read by the health server's threads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: A turn takes milliseconds; a transaction in a healthy cluster well below this.
READY_TURN_S = 10.0


class Vitals:
    """Alive means that the loop turned lately, nothing else. Ready means that nothing stands against work."""

    def __init__(self, alive_turn_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._alive_turn_s = alive_turn_s
        self._clock = clock
        self._turned_at_s = clock()
        # Replaced as a whole at each change, so that readers never see half of one.
        self._obstacles: Mapping[str, str] = {"start": "the loop has not started"}

    def turned(self) -> None:
        """The owner thread did something: a turn, or one more try of something that takes long."""
        self._turned_at_s = self._clock()

    def obstacle(self, name: str, reason: str | None) -> None:
        """Set the reason why `name` stands against readiness; None takes it away."""
        if self._obstacles.get(name) == reason:
            return
        others = {key: text for key, text in self._obstacles.items() if key != name}
        self._obstacles = others if reason is None else {**others, name: reason}

    def not_alive(self) -> list[str]:
        """Why the process should be restarted; empty while it is fine."""
        return self._idle_longer_than(self._alive_turn_s)

    def not_ready(self) -> list[str]:
        """Why no events are taken in at the moment; empty while they are."""
        return [*self._obstacles.values(), *self._idle_longer_than(READY_TURN_S)]

    def _idle_longer_than(self, limit_s: float) -> list[str]:
        idle_s = self._clock() - self._turned_at_s
        return [f"the owner thread has not turned for {idle_s:.0f} s"] if idle_s > limit_s else []
