# SPDX-License-Identifier: Apache-2.0
"""Per-key order: one first-in-first-out chain for each key of each assignment, on the event loop.

The next event of a key starts when the one before is finished. Chains of different keys never wait for each other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.events import Delivery, Outcome
    from consumer.kafka.event_loop import EventLoopThread
    from consumer.kafka.progress import Progress


@dataclass(frozen=True, slots=True)
class Work:
    """One admitted delivery, with the assignment it belongs to and the bytes reserved for it."""

    progress: Progress
    delivery: Delivery
    reserved_bytes: int


@dataclass(frozen=True, slots=True)
class Done:
    """The end of one piece of work: an outcome, an error that must stop the process, or neither when it was dropped."""

    work: Work
    outcome: Outcome | None = None
    error: BaseException | None = None


ChainKey = tuple[int, bytes | int]


class Chains:
    """Runs `handle` for every delivery, in order per key. Results come out of `finished`, in the order they finish."""

    def __init__(
        self, handle: Callable[[Delivery], Awaitable[Outcome]], events: EventLoopThread, bytes_per_event: int = 0
    ) -> None:
        """Run on `events`. `bytes_per_event` is what one running delivery may hold besides its record: its pictures."""
        self.bytes_per_event = bytes_per_event
        self.finished: SimpleQueue[Done] = SimpleQueue()
        self._handle = handle
        self._events = events
        self._chains: dict[ChainKey, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def eligible_keys(self) -> int:
        """Chains with work: as many deliveries can run at a time, and no more. May be read from any thread."""
        return len(self._chains)

    def submit(self, batch: Sequence[Work]) -> None:
        """Hand over work, in offset order; called by the owner thread. One wake-up of the event loop for all of it."""
        self._events.call(self._append, batch)

    def _append(self, batch: Sequence[Work]) -> None:
        for work in batch:
            key = _chain_key(work)
            chain = self._chains.get(key)
            if chain is not None:
                chain.append(work)
                continue
            self._chains[key] = deque((work,))
            task = asyncio.ensure_future(self._run(key))
            self._tasks.add(task)  # the event loop itself keeps only a weak reference
            task.add_done_callback(self._tasks.discard)

    async def _run(self, key: ChainKey) -> None:
        chain = self._chains[key]
        try:
            while chain:
                self.finished.put(await self._end_of(chain[0]))
                chain.popleft()
        finally:
            del self._chains[key]

    async def _end_of(self, work: Work) -> Done:
        if work.progress.is_closed:  # its next owner will run it
            return Done(work)
        try:
            return Done(work, outcome=await self._handle(work.delivery))
        except Exception as error:  # noqa: BLE001 - the owner thread raises it: it is the one that can stop the process
            return Done(work, error=error)


def _chain_key(work: Work) -> ChainKey:
    # Events without a key have no order to keep; their offset is a chain of its own.
    key = work.delivery.key
    return id(work.progress), work.delivery.offset if key is None else key
