# SPDX-License-Identifier: Apache-2.0
"""The input: skewed keys, transactions of random size, one in ten of them aborted, 1 % that no stage can process."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.chaos.worker import BAD
from tests.support.engine import Event, Feed, read_committed

if TYPE_CHECKING:
    from random import Random

KEYS = 500
_MEAN_KEY = 150  # the most frequent one has 1/150 of the events
_LARGEST_BATCH = 200
_ABORTED_SHARE = 0.1
_BAD_SHARE = 0.01
#: Nothing was written for so long: the workers may have run out of work.
_DRY_AFTER_S = 3.0
_TOP_UP = 500


@dataclass
class Source:
    """Writes events `key:sequence`, and remembers them."""

    bootstrap_servers: str
    topic: str
    partitions: int
    randomness: Random
    values: set[bytes] = field(default_factory=set)
    """Committed ones."""
    aborted: set[bytes] = field(default_factory=set)
    _sequences: Counter[bytes] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._feed = Feed(self.bootstrap_servers, self.topic)
        self._written_at_s = time.monotonic()

    def write(self, count: int) -> None:
        """So many committed events, with aborted ones between them."""
        target = len(self.values) + count
        while len(self.values) < target:
            size = min(self.randomness.randrange(1, _LARGEST_BATCH), target - len(self.values))
            commit = self.randomness.random() > _ABORTED_SHARE
            self._write([self._event() for _ in range(size)], commit=commit)

    def top_up(self) -> None:
        """A little more, if the last was a while ago."""
        if time.monotonic() - self._written_at_s > _DRY_AFTER_S:
            self.write(_TOP_UP)

    def finish(self) -> dict[str, bytes]:
        """End each partition with a committed event; then everything that is in, by source."""
        for number in range(self.partitions):
            self._write([Event(b"end-%d" % number, b"end-%d:1" % number)], partition=number)
        messages = read_committed(self.bootstrap_servers, [self.topic])[self.topic]
        found = {f"{self.topic}/{m.partition()}/{m.offset()}": m.value() or b"" for m in messages}
        assert sorted(found.values()) == sorted(self.values), "the input topic holds something else than was written"
        return found

    def _write(self, events: list[Event], *, commit: bool = True, partition: int = -1) -> None:
        self._feed.write(events, commit=commit, partition=partition)
        (self.values if commit else self.aborted).update(event.value for event in events if event.value is not None)
        self._written_at_s = time.monotonic()

    def _event(self) -> Event:
        key = b"key-%d" % (int(self.randomness.expovariate(1 / _MEAN_KEY)) % KEYS)
        self._sequences[key] += 1
        bad = BAD if self.randomness.random() < _BAD_SHARE else b""
        return Event(key, b"%s:%d%s" % (key, self._sequences[key], bad))
