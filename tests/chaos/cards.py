# SPDX-License-Identifier: Apache-2.0
"""The faults that a run deals out. Each hits a slot in the middle of work, at a moment drawn by chance."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chaos.failpoints import Failpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from tests.chaos.broker import Broker
    from tests.chaos.crew import Crew
    from tests.chaos.slot import Slot
    from tests.chaos.source import Source

#: Somebody is busy, or a failpoint is reached, within this time, two rebalances included.
LIMIT_S = 120.0
_BROKER_FREEZE_S = 5.0
#: Deals an abort: by the time it goes on, the group has moved on.
FREEZE_BEFORE_OFFSETS = "freeze before offsets"
_LONGER_THAN_SESSION = 1.5
#: The previous owner's transaction may be over by the time the next one asks.
_ATTEMPTS = 5


@dataclass(frozen=True)
class Cards:
    """One method per fault; returns when it has happened, not when it is over."""

    crew: Crew
    source: Source
    broker: Broker | None
    randomness: Random
    guest: str
    """Name of the slot that joins and leaves."""
    session_timeout_s: float

    def by_name(self) -> Mapping[str, Callable[[], object]]:
        return {
            "kill": lambda: self.hit(self.crew.kill),
            "takeover": self.takeover,
            "freeze 2 s": lambda: self.hit(lambda slot: self.crew.freeze(slot, 2)),
            "freeze 9 s": lambda: self.hit(lambda slot: self.crew.freeze(slot, 9)),
            "freeze 20 s": lambda: self.hit(lambda slot: self.crew.freeze(slot, 20)),
            FREEZE_BEFORE_OFFSETS: self.deal_an_abort,
            "term": lambda: self.hit(self._terminate),
            "join and leave": self.join_and_leave,
            "broker freeze": self.freeze_broker,
            "broker restart": lambda: self._restart_broker("broker restart"),
            "broker kill": lambda: self._restart_broker("broker kill"),
            Failpoint.BEFORE_OFFSETS.label: lambda: self.fail_at(Failpoint.BEFORE_OFFSETS),
            Failpoint.BEFORE_COMMIT.label: lambda: self.fail_at(Failpoint.BEFORE_COMMIT),
            Failpoint.DURING_COMMIT.label: lambda: self.fail_at(Failpoint.DURING_COMMIT),
            Failpoint.COMMITTED_WAIT.label: self.fail_in_committed_wait,
        }

    def takeover(self) -> None:
        """Kill, and do not restart before others have the partitions."""
        victim = self.hit(lambda slot: self.crew.kill(slot, is_vacated=True))
        self.crew.let(self._has_heir(victim), LIMIT_S, f"a takeover from slot {victim.name}")

    def join_and_leave(self) -> None:
        """One more member, until it has had partitions for a while."""
        (guest,) = (slot for slot in self.crew.slots if slot.name == self.guest)
        self.crew.dismissed.discard(guest.name)
        self.crew.timeline.add("join", guest.name)
        self.crew.let(lambda: guest.is_up and guest.partitions, LIMIT_S, "partitions for one more member")
        self.crew.let_pass(self.randomness.uniform(1, 4))
        self.crew.dismissed.add(guest.name)
        self.crew.timeline.add("leave", guest.name)
        guest.terminate()
        self.crew.let(lambda: not guest.is_up, LIMIT_S, "the end of the member that leaves")

    def freeze_broker(self, seconds: float = _BROKER_FREEZE_S) -> None:
        assert self.broker is not None
        self.crew.timeline.add("broker freeze", seconds=seconds)
        self.broker.freeze()
        self.crew.let_pass(seconds)
        self.broker.thaw()

    def fail_at(self, point: Failpoint) -> None:
        """Have a busy slot die at a failpoint."""
        self.let_fail([self.hit(lambda _: True)], point)

    def freeze_at(self, point: Failpoint, seconds: float) -> Slot:
        """A busy slot that froze there, for so long. One that was told to end would end instead of aborting."""
        victim = self.hit(lambda slot: not slot.is_stopping)
        self.let_fail([victim], point, signal.SIGSTOP)
        assert self.crew.freeze(victim, seconds)
        return victim

    def deal_an_abort(self) -> None:
        """One freezes in a transaction until its session is over; ends when it has given the transaction up.

        A broker on a busy machine may end the session late and take the offsets: then another one freezes.
        """
        for _ in range(_ATTEMPTS):
            victim = self.freeze_at(Failpoint.BEFORE_OFFSETS, _LONGER_THAN_SESSION * self.session_timeout_s)
            if not self._commits(victim):
                return
        raise AssertionError("every one that froze could still commit")

    def _commits(self, slot: Slot) -> bool:
        """How its transaction ends."""
        life, commits = slot.lives, slot.tally.get("commits")

        def is_over() -> bool:
            return slot.lives != life or slot.tally.get("commits") > commits or not slot.tally.get("in_transaction")

        self.crew.let(is_over, LIMIT_S, f"the end of the transaction of slot {slot.name}")
        return slot.tally.get("commits") > commits

    def fail_in_committed_wait(self) -> None:
        """One dies with an open transaction and does not return; whoever waits for its end dies too."""
        for _ in range(_ATTEMPTS):
            victim = self.hit(lambda _: True)
            self.crew.vacate_on_kill(victim)
            self.let_fail([victim], Failpoint.BEFORE_COMMIT)
            is_struck = self.let_fail(self._others(victim), Failpoint.COMMITTED_WAIT, is_over=self._has_heir(victim))
            self.crew.let(self._has_heir(victim), LIMIT_S, f"a takeover from slot {victim.name}")
            if is_struck:
                return
        raise AssertionError("nobody ever waited for the committed offsets")

    def hit(self, act: Callable[[Slot], bool]) -> Slot:
        """Have `act` done to a slot that is busy, after it went on for a while. `act` says whether it was done."""
        ahead = {slot.name: slot.tally.get("finished") + self.randomness.randrange(20, 200) for slot in self.crew.slots}

        def attempt() -> Slot | None:
            self.source.top_up()
            for slot in self.crew.working:
                if slot.tally.get("finished") >= ahead[slot.name] and slot.is_busy and act(slot):
                    return slot
            return None

        return self.crew.let(attempt, LIMIT_S, "a busy slot")

    def let_fail(
        self,
        slots: Sequence[Slot],
        point: Failpoint,
        number: signal.Signals = signal.SIGKILL,
        is_over: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Arm all of them, again in each new life, until one has struck; False when it was over before that."""
        strikes = {slot.name: slot.tally.get("strikes") for slot in slots}
        armed: dict[str, int] = {}

        def is_struck() -> bool:
            return any(slot.tally.get("strikes") > strikes[slot.name] for slot in slots)

        def attempt() -> bool:
            if is_struck() or is_over():
                return True
            for slot in slots:
                if slot.is_up and armed.get(slot.name) != slot.lives:
                    armed[slot.name] = slot.lives
                    slot.arm(point, number)
            self.source.top_up()
            return False

        self.crew.let(attempt, LIMIT_S, f"the failpoint {point.label}")
        if not is_struck():
            for slot in slots:
                slot.disarm()
            return False
        self.crew.timeline.add("failpoint" if number is signal.SIGKILL else "halt", point=point.label)
        return True

    def _restart_broker(self, how: str) -> None:
        assert self.broker is not None
        self.crew.timeline.add(how)
        if how == "broker kill":
            self.broker.kill()
        else:
            self.broker.restart()

    def _terminate(self, slot: Slot) -> bool:
        if not slot.terminate():
            return False
        self.crew.timeline.add("term", slot.name)
        return True

    def _has_heir(self, victim: Slot) -> Callable[[], bool]:
        return lambda: not self.crew.is_vacant(victim)

    def _others(self, victim: Slot) -> list[Slot]:
        return [slot for slot in self.crew.slots if slot is not victim and slot.name not in self.crew.dismissed]
