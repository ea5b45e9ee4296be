# SPDX-License-Identifier: Apache-2.0
"""What a run may cost at most: processes that end with 10 or 13, and the time until somebody has the partitions again.

A loop that lives by ending and starting again would lose and repeat nothing either.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from consumer.errors import Fenced, StaleGeneration

if TYPE_CHECKING:
    from tests.chaos.scenario import Scenario
    from tests.chaos.timeline import Timeline

#: The broker ends a transaction that is over its timeout within this time after it.
SWEEP_S = 10.0
#: Processes at work while a broker is struck.
MEMBERS = 2
#: Here members work on while others come and go, so each move may catch the other member in a transaction of the
#: generation before. Elsewhere all stop for it, and then none may.
_WORK_ON = {"cooperative-sticky", "kip-848"}


@dataclass(frozen=True)
class Bounds:
    """Judges one run by its timeline."""

    scenario: Scenario
    timeline: Timeline

    def faults(self) -> list[str]:
        return [*self._too_many_exits(), *self._late_takeovers(), *self._late_returns()]

    def _too_many_exits(self) -> list[str]:
        """A fault that outlasts session or transaction ends each process that it hits, and each of them once."""
        long_freezes = sum(freeze["seconds"] > self.scenario.session_timeout_s for freeze in self.timeline.of("freeze"))
        struck = sum(entry["what"].startswith("broker") for entry in self.timeline.entries)
        allowed = long_freezes + MEMBERS * struck
        fenced, stale = (self._exits(error.exit_code) for error in (Fenced, StaleGeneration))
        # Whoever is ended by a fault, or frozen until its session is over, leaves the group like one that is killed.
        moves = self._moves() + long_freezes + allowed if self.scenario.protocol in _WORK_ON else 0
        if fenced <= allowed and fenced + stale <= allowed + moves:
            return []
        words = f"{long_freezes} long freezes and {struck} broker faults account for {allowed}"
        return [f"{fenced} exits with 10 and {stale} with 13: {words}, moves of the group for {moves} more with 13"]

    def _late_takeovers(self) -> list[str]:
        """Session, transaction and the broker's sweep, counted from when there was an heir at work."""
        limit_s = self.scenario.session_timeout_s + self.scenario.transaction_timeout_s + SWEEP_S
        return [
            f"the takeover from slot {entry['slot']} took {entry['seconds']} s, {late_s:.1f} of them with an heir at "
            f"work; limit {limit_s} s"
            for entry in self.timeline.of("takeover")
            if (late_s := entry["at_s"] - self._heir_at_work_s(entry)) > limit_s
        ]

    def _heir_at_work_s(self, takeover: dict[str, Any]) -> float:
        killed_s: float = takeover["at_s"] - takeover["seconds"]
        return max(
            (
                entry["at_s"]
                for entry in self.timeline.entries
                if entry["what"] in {"thaw", "exit"}
                and entry["slot"] != takeover["slot"]
                and killed_s < entry["at_s"] < takeover["at_s"]
            ),
            default=killed_s,
        )

    def _late_returns(self) -> list[str]:
        """A killed slot with a static id has its partitions as soon as it runs again, long before its session ends."""
        returns_s = [entry["seconds"] for entry in self.timeline.of("return")]
        if self.scenario.protocol != "range-static" or not returns_s:
            return []
        middle_s = median(returns_s)
        if middle_s < self.scenario.session_timeout_s:
            return []
        return [f"killed slots had their partitions again after {middle_s:.1f} s (median): they waited for the session"]

    def _exits(self, code: int) -> int:
        return sum(entry["code"] == code for entry in self.timeline.of("exit"))

    def _moves(self) -> int:
        """How often the group moved: one that is killed or stopped leaves it and comes back, which is twice.

        The stop at the end is no move.
        """
        gone = self._exits(-signal.SIGKILL) + len(self.timeline.of("term"))
        return 2 * gone + sum(len(self.timeline.of(what)) for what in ("join", "leave"))
