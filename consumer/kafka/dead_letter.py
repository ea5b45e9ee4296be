# SPDX-License-Identifier: Apache-2.0
"""What goes to the dead letters, and when to stop rather than send more."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from consumer.events import OutputRecord
from consumer.headers import dead_letter_headers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.events import Delivery, Rejected
    from consumer.headers import Build
    from consumer.settings import DeadLetterSettings

WINDOW_EVENTS = 200
JUDGED_FROM_EVENTS = 50


class DeadLetters:
    """Writes the record that tells an operator, and a redrive, everything about an event that can never work."""

    def __init__(self, topic: str, build: Build) -> None:
        self.topic = topic
        self._build = build

    def record(self, delivery: Delivery, rejected: Rejected) -> OutputRecord:
        """Key, value, headers and timestamp of the input, untouched, and headers that say what happened."""
        return OutputRecord(
            self.topic,
            delivery.key,
            delivery.value,
            dead_letter_headers(delivery, rejected, self._build),
            delivery.timestamp_ms if delivery.timestamp_ms >= 0 else None,
        )


class DeadLetterLimit:
    """Tells when most events are rejected: a bad deploy must stop, not drain the topic into the dead letters."""

    def __init__(self, settings: DeadLetterSettings) -> None:
        self._settings = settings
        self._window: deque[bool] = deque(maxlen=WINDOW_EVENTS)
        self._rejected = 0
        self._run = 0
        self.reason: str | None = None
        """Why intake must stop; stays until the process is restarted."""

    def saw(self, rejected: Sequence[bool]) -> None:
        """Count finished events, in order."""
        window = self._window
        if not self._rejected and True not in rejected:  # nearly always
            window.extend(rejected)
            return
        for is_rejected in rejected:
            if len(window) == WINDOW_EVENTS:
                self._rejected -= window[0]
            window.append(is_rejected)
            self._rejected += is_rejected
            self._run = self._run + 1 if is_rejected else 0
            if self._rejected and self.reason is None:
                self.reason = self._exceeded()

    def _exceeded(self) -> str | None:
        if self._run >= self._settings.max_run:
            return f"{self._run} dead letters in a row"
        seen = len(self._window)
        if seen >= JUDGED_FROM_EVENTS and self._rejected > self._settings.max_share * seen:
            return f"{self._rejected} dead letters among the last {seen} events"
        return None
