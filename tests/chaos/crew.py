# SPDX-License-Identifier: Apache-2.0
"""The slots as a supervisor keeps them: any process that ends is started again, unless its place shall stay empty."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from consumer.local.process import last_words
from tests.chaos.slot import KNOWN_EXITS
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.chaos.slot import Slot
    from tests.chaos.timeline import Timeline

T = TypeVar("T")

#: Enough to see what led to a standstill.
_ENTRIES_TOLD = 12


@dataclass(frozen=True)
class Vacancy:
    """A killed slot that returns when others have all of its partitions."""

    slot: Slot
    partitions: frozenset[int]
    since_s: float


class Crew:
    """Looks after the slots, in `tick`, and waits only in ways that tick."""

    def __init__(self, slots: Sequence[Slot], timeline: Timeline) -> None:
        self.slots = slots
        self.timeline = timeline
        self.dismissed: set[str] = set()
        """Names of slots that stay down."""
        self._vacated_by_kill: set[str] = set()
        self._vacancies: dict[str, Vacancy] = {}
        self._thaw_at_s: dict[str, float] = {}
        self._killed_at_s: dict[str, float] = {}

    @property
    def working(self) -> list[Slot]:
        """Those with a process that is not frozen."""
        return [slot for slot in self.slots if slot.is_working]

    def total(self, name: str) -> int:
        return sum(slot.tally.get(name) for slot in self.slots)

    def tick(self) -> None:
        """Note what ended, start what is due, let go on what was frozen long enough."""
        for slot in self.slots:
            if slot.is_frozen and time.monotonic() >= self._thaw_at_s.get(slot.name, 0):
                slot.thaw()
                self.timeline.add("thaw", slot.name)
            if (code := slot.note_end()) is not None:
                self._note_exit(slot, code)
        for vacancy in list(self._vacancies.values()):
            self._look_for_takeover(vacancy)
        for slot in self.slots:
            if not slot.is_up and slot.name not in self.dismissed and slot.name not in self._vacancies:
                slot.start()
            elif slot.name in self._killed_at_s and slot.is_working and slot.partitions:
                seconds = round(time.monotonic() - self._killed_at_s.pop(slot.name), 2)
                self.timeline.add("return", slot.name, seconds=seconds)

    def let(self, condition: Callable[[], T | None], limit_s: float, what: str) -> T:
        """First true value of `condition`; life goes on meanwhile.

        Raises AssertionError after `limit_s` seconds, with what every slot was at in its notes.
        """

        def ask() -> T | None:
            self.tick()
            return condition()

        try:
            return wait_until(ask, limit_s, what)
        except AssertionError as error:
            for slot in (slot for slot in self.slots if slot.lives):
                error.add_note(f"{slot.account}; its last words: {last_words(slot.log)}")
            error.add_note(f"at {self.timeline.now_s:.0f} s; before that: {self.timeline.entries[-_ENTRIES_TOLD:]}")
            raise

    def let_pass(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        self.let(lambda: time.monotonic() >= until_s, seconds + 60, f"{seconds} s")

    def kill(self, slot: Slot, *, is_vacated: bool = False) -> bool:
        """SIGKILL it if it is busy; a vacated slot stays down until others have its partitions."""
        if not slot.kill_if_busy():
            return False
        if is_vacated:
            self.vacate_on_kill(slot)
        state = {name: slot.tally.get(name) for name in ("held", "in_transaction")}
        self.timeline.add("kill", slot.name, **state)
        return True

    def vacate_on_kill(self, slot: Slot) -> None:
        self._vacated_by_kill.add(slot.name)

    def is_vacant(self, slot: Slot) -> bool:
        return slot.name in self._vacancies or slot.name in self._vacated_by_kill

    def freeze(self, slot: Slot, seconds: float) -> bool:
        if not slot.freeze():
            return False
        self._thaw_at_s[slot.name] = time.monotonic() + seconds
        self.timeline.add("freeze", slot.name, seconds=seconds)
        return True

    def thaw(self, slot: Slot) -> None:
        """Let it go on earlier than was said."""
        self._thaw_at_s[slot.name] = 0.0

    def _note_exit(self, slot: Slot, code: int) -> None:
        self.timeline.add("exit", slot.name, code=code, in_transaction=slot.tally.get("in_transaction"))
        # A process that has just been started cannot listen to SIGTERM yet, and has nothing to hand back.
        is_early_stop = code == -signal.SIGTERM and not slot.partitions
        # To go on would only start it again and again.
        assert code in KNOWN_EXITS or is_early_stop, f"slot {slot.name} ended with {code}: {last_words(slot.log)}"
        self._killed_at_s.pop(slot.name, None)
        if code == -signal.SIGKILL and slot.name in self._vacated_by_kill:
            self._vacated_by_kill.discard(slot.name)
            self._vacancies[slot.name] = Vacancy(slot, frozenset(slot.partitions), time.monotonic())
        elif code == -signal.SIGKILL and not self._vacancies:  # else it may have to wait for another's transaction
            self._killed_at_s[slot.name] = time.monotonic()

    def _look_for_takeover(self, vacancy: Vacancy) -> None:
        theirs = set().union(*(slot.partitions for slot in self.working if slot is not vacancy.slot))
        if not vacancy.partitions <= theirs:
            return
        del self._vacancies[vacancy.slot.name]
        if vacancy.partitions:
            seconds = round(time.monotonic() - vacancy.since_s, 2)
            self.timeline.add("takeover", vacancy.slot.name, partitions=sorted(vacancy.partitions), seconds=seconds)
