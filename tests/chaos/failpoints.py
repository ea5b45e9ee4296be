# SPDX-License-Identifier: Apache-2.0
"""Kafka clients that say what is going on, and stop their own process at a chosen point of it.

The loop of a test build gets them in place of the plain ones; a point is armed from outside, through the tally.
"""

from __future__ import annotations

import random
import signal
import threading
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, Producer

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import TopicPartition

    from tests.chaos.tally import Tally

_FLUSH_S = 10.0
#: A commit on loopback takes some milliseconds.
_LATEST_IN_COMMIT_S = 0.01
#: An answer that takes longer than this waits for somebody's open transaction.
_INTO_THE_WAIT_S = 0.5


class Failpoint(IntEnum):
    """Where the process stops."""

    NONE = 0
    BEFORE_OFFSETS = 1
    """The outputs are in the log, their offsets nowhere."""
    BEFORE_COMMIT = 2
    """Outputs and offsets are in the log, in an open transaction."""
    DURING_COMMIT = 3
    """The commit is on its way, or done without this process having heard of it."""
    COMMITTED_WAIT = 4
    """The new owner asks for the committed offsets, which the open transaction of the one before holds back."""

    @property
    def label(self) -> str:
        """Its name in decks and reports."""
        return self.name.lower().replace("_", " ")


class Failing:
    """The armed failpoint of this process."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def is_at(self, point: Failpoint) -> bool:
        return self._tally.get("failpoint") == point

    def strike(self) -> None:
        """Disarm, so that the next life passes, and stop here: for good, or until somebody says to go on."""
        self._tally.add("strikes")
        self._tally.put("failpoint", Failpoint.NONE)
        # To this thread: sent to the process, another one may take it, and this one goes on until that one has run.
        signal.pthread_kill(threading.get_ident(), self._tally.get("failpoint_signal"))

    def strike_during(self, call: Callable[[], None], after_s: float) -> None:
        """Stop while `call` runs, and before its caller hears of its end."""
        timer = threading.Timer(after_s, self.strike)
        timer.start()
        call()
        self.strike()


class ProbedProducer(Producer):
    """A producer that tells whether a transaction is open."""

    def __init__(self, tally: Tally, properties: dict[str, Any]) -> None:
        super().__init__(properties)
        self._tally = tally
        self._failing = Failing(tally)

    def init_transactions(self, *arguments: Any) -> None:
        super().init_transactions(*arguments)
        self._tally.put("in_transaction", 0)

    def begin_transaction(self) -> None:
        super().begin_transaction()
        self._tally.put("in_transaction", 1)

    def send_offsets_to_transaction(self, offsets: list[TopicPartition], *arguments: Any) -> None:
        # Only where there are outputs: a transaction of offsets alone has nothing to repeat.
        if self._failing.is_at(Failpoint.BEFORE_OFFSETS) and len(self):
            self.flush(_FLUSH_S)
            self._failing.strike()
        super().send_offsets_to_transaction(offsets, *arguments)

    def commit_transaction(self, *arguments: Any) -> None:
        if self._failing.is_at(Failpoint.BEFORE_COMMIT):
            self.flush(_FLUSH_S)
            self._failing.strike()
        if self._failing.is_at(Failpoint.DURING_COMMIT):
            self._failing.strike_during(super().commit_transaction, random.uniform(0, _LATEST_IN_COMMIT_S))
        super().commit_transaction(*arguments)
        self._tally.add("commits")
        self._tally.put("in_transaction", 0)

    def abort_transaction(self, *arguments: Any) -> None:
        super().abort_transaction(*arguments)
        self._tally.put("in_transaction", 0)


class ProbedConsumer(Consumer):
    """A consumer that tells which partitions are its own."""

    def __init__(self, tally: Tally, properties: dict[str, Any]) -> None:
        super().__init__(properties)
        self._tally = tally
        self._failing = Failing(tally)

    def committed(self, *arguments: Any, **options: Any) -> list[TopicPartition]:
        if not self._failing.is_at(Failpoint.COMMITTED_WAIT):
            return super().committed(*arguments, **options)
        timer = threading.Timer(_INTO_THE_WAIT_S, self._failing.strike)
        timer.start()
        try:
            return super().committed(*arguments, **options)
        finally:
            timer.cancel()

    def assign(self, partitions: list[TopicPartition]) -> None:
        super().assign(partitions)
        self._tally.put("partitions", _mask(partitions))

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        super().incremental_assign(partitions)
        self._tally.put("partitions", self._tally.get("partitions") | _mask(partitions))

    def unassign(self) -> None:
        super().unassign()
        self._tally.put("partitions", 0)

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        super().incremental_unassign(partitions)
        self._tally.put("partitions", self._tally.get("partitions") & ~_mask(partitions))


def _mask(partitions: list[TopicPartition]) -> int:
    return sum(1 << partition.partition for partition in partitions)
