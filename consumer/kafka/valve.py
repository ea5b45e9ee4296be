# SPDX-License-Identifier: Apache-2.0
"""Shuts and opens the intake, each once per change: pausing throws away what the client has fetched ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from consumer.kafka.assignment import Assignment
    from consumer.kafka.intake import Intake
    from consumer.kafka.progress import Progress

log = structlog.get_logger()

#: A bitmap above this share of the broker's limit holds its partition back until it is below the other.
HOLD_BACK_SHARE = 0.75
LET_GO_SHARE = 0.5


class Valve:
    """Decides which of our partitions are paused. Owner thread only."""

    def __init__(self, consumer: Consumer, assignment: Assignment, intake: Intake) -> None:
        self._consumer = consumer
        self._assignment = assignment
        self._intake = intake
        self._held_back: set[Progress] = set()
        self.is_shut = False
        """Whether all partitions are paused."""
        self.is_stopped = False
        """Whether they stay so until the process ends."""

    def stop(self) -> None:
        """Take nothing in any more."""
        self.is_stopped = True
        self._shut()

    def steer(self) -> None:
        """Once a turn: shut when there was no room for long, open when there is enough."""
        if not self.is_shut and self._intake.should_pause():
            self._shut()
        elif self.is_shut and not self.is_stopped and self._intake.may_resume():
            self.is_shut = False
            self._consumer.resume(self._assignment.partitions(set(self._assignment) - self._held_back))
            log.debug("intake_resumed", held=self._intake.held)

    def judge_bitmap(self, progress: Progress, share: float) -> None:
        """Hold one partition back while its bitmap takes too large a share of the broker's limit."""
        if share > HOLD_BACK_SHARE and progress not in self._held_back:
            self._held_back.add(progress)
            self._consumer.pause(self._assignment.partitions([progress]))
            log.warning("partition_held_back", partition=progress.partition, bitmap_share=round(share, 2))
        elif share < LET_GO_SHARE and progress in self._held_back:
            self._held_back.discard(progress)
            if not self.is_shut:
                self._consumer.resume(self._assignment.partitions([progress]))

    def after_assign(self) -> None:
        """Say of every partition whether it is paused: the client remembers what it was when it was ours before."""
        self._held_back = {progress for progress in self._held_back if not progress.is_closed}
        paused = set(self._assignment) if self.is_shut else self._held_back
        self._consumer.resume(self._assignment.partitions(set(self._assignment) - paused))
        self._consumer.pause(self._assignment.partitions(paused))

    def _shut(self) -> None:
        self.is_shut = True
        self._consumer.pause(self._assignment.partitions())
        log.debug("intake_shut", held=self._intake.held)
