# SPDX-License-Identifier: Apache-2.0
"""Which offsets of one partition may be committed when work finishes out of order. Pure; no Kafka in here.

The frontier is the oldest offset that was *seen* and is not finished. Offsets that never arrive (transaction markers,
aborted or compacted records) cannot hold it back, which a counter that waits for "the next number" would do for ever.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from consumer.kafka import bitmap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Snapshot(NamedTuple):
    """What is committed for a partition. Both travel in one record, so they always match."""

    frontier: int
    """Next offset to commit."""
    metadata: str
    """Bitmap of the offsets finished beyond it."""


class Progress:
    """One partition in one assignment; the object *is* the assignment's epoch. Used by the owner thread only.

    Work carries a reference to the object it was admitted under. `close` it when the partition goes away: what finishes
    later finds it closed and is thrown away, also when the same partition has come back under a new object.
    """

    __slots__ = ("_done", "_restored", "_waiting", "committed", "frontier", "is_closed", "partition", "position")

    def __init__(self, partition: int, start: int | None = None, done: Iterable[int] = ()) -> None:
        """Begin at offset `start`; None when the group has no commit: then the first message decides.

        `done` are offsets that an earlier owner finished and published.
        """
        self.partition = partition
        self.frontier = start
        """Oldest seen and unfinished offset, or `position` when there is none."""
        self.position = start
        """Highest seen offset + 1."""
        self.committed: Snapshot | None = None
        """What the broker has; the publisher keeps it up to date."""
        self.is_closed = False
        self._done = set(done)
        self._restored = deque(sorted(self._done))
        self._waiting: deque[tuple[int, float]] = deque()

    @property
    def oldest_at_s(self) -> float | None:
        """When the oldest unfinished offset was admitted, by the caller's clock; None when nothing is unfinished."""
        return self._waiting[0][1] if self._waiting else None

    def close(self) -> None:
        """The partition is no longer ours."""
        self.is_closed = True

    def admit(self, offset: int, now_s: float) -> bool:
        """Note that `offset` was seen. False when its result is published already, or when it was seen before."""
        if self.position is not None and offset < self.position:
            return False
        if self.frontier is None:
            self.frontier = offset
        self.position = offset + 1
        self._waiting.append((offset, now_s))
        if offset not in self._done:
            return True
        self._advance()  # nothing will finish it again: without this a quiet partition would never reach its end
        return False

    def finish(self, offsets: Iterable[int]) -> None:
        """Record finished offsets, in any order, and move the frontier over the gapless part."""
        if self.frontier is None:
            return
        self._done.update(offset for offset in offsets if offset >= self.frontier)
        self._advance()

    def _advance(self) -> None:
        while self._waiting and self._waiting[0][0] in self._done:
            self._done.discard(self._waiting.popleft()[0])
        self.frontier = self._waiting[0][0] if self._waiting else self.position
        self._forget_restored()

    def fitting(self, offsets: Sequence[int], max_bytes: int) -> int:
        """How many of the first `offsets` (ascending) can be finished so that the bitmap stays within `max_bytes`.

        A result must not be published when a crash would forget that it was.
        """
        count = len(offsets)
        span = self._end - (self.frontier or 0)
        if span <= bitmap.MAX_SPAN and bitmap.largest_bytes(span) <= max_bytes:
            return count  # nearly always
        while count and self._bytes_with(offsets[:count]) > max_bytes:
            count //= 2
        return count

    def snapshot(self) -> Snapshot | None:
        """What to commit now; None while nothing was seen and nothing was ever committed."""
        if self.frontier is None:
            return None
        return Snapshot(self.frontier, bitmap.encode(self.frontier, self._end, self._done))

    @property
    def _end(self) -> int:
        """Highest offset known + 1; 0 when none is."""
        return max(self.position or 0, self._restored[-1] + 1 if self._restored else 0)

    def _bytes_with(self, offsets: Sequence[int]) -> int:
        done = self._done.union(offsets)
        frontier = next((offset for offset, _ in self._waiting if offset not in done), self.position) or 0
        if max(done) - frontier >= bitmap.MAX_SPAN:  # could be written, but would not be read
            return sys.maxsize
        return len(bitmap.encode(frontier, self._end, [offset for offset in done if offset >= frontier]))

    def _forget_restored(self) -> None:
        """Drop restored offsets that the frontier has passed although they were never seen: their records are gone."""
        while self._restored and self.frontier is not None and self._restored[0] < self.frontier:
            self._done.discard(self._restored.popleft())
