# SPDX-License-Identifier: Apache-2.0
"""Per-key order: one first-in-first-out chain for each key of each assignment, on the event loop.

The next event of a key starts when the one before is finished. Chains of different keys never wait for each other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from consumer.events import Delivery, Outcome
    from consumer.kafka.event_loop import EventLoopThread
    from consumer.kafka.progress import Progress


class Work(Struct, frozen=True, gc=False):
    """One admitted delivery, with the assignment it belongs to and the bytes reserved for it."""

    progress: Progress
    delivery: Delivery
    reserved_bytes: int


class Done(Struct, frozen=True):
    """The end of one piece of work: an outcome, an error that must stop the process, or neither when it was dropped.

    The collector looks at it: the traceback of its error comes to hold the frame that holds it.
    """

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
        self._tasks: dict[ChainKey, asyncio.Task[None]] = {}

    @property
    def eligible_keys(self) -> int:
        """Chains with work: as many deliveries can run at a time, and no more. May be read from any thread."""
        return len(self._chains)

    def submit(self, batch: Sequence[Work]) -> None:
        """Hand over work, in offset order; called by the owner thread. One wake-up of the event loop for all of it."""
        self._events.call(self._append, batch)

    def _append(self, batch: Sequence[Work]) -> None:
        loop = asyncio.get_running_loop()
        for work in batch:
            key = _chain_key(work)
            chain = self._chains.get(key)
            if chain is not None:
                chain.append(work)
                continue
            chain = self._chains[key] = deque((work,))
            # Kept until the chain ends: the event loop itself has only a weak reference.
            self._tasks[key] = loop.create_task(self._run(key, chain))

    async def _run(self, key: ChainKey, chain: deque[Work]) -> None:
        try:
            while chain:
                work = chain[0]
                if work.progress.is_closed:  # its next owner will run it
                    self.finished.put(Done(work))
                else:
                    try:
                        self.finished.put(Done(work, await self._handle(work.delivery)))
                    except Exception as error:  # noqa: BLE001 - raised by the owner thread: it can stop the process
                        self.finished.put(Done(work, None, error))
                chain.popleft()
        finally:
            del self._chains[key], self._tasks[key]


def _chain_key(work: Work) -> ChainKey:
    # Events without a key have no order to keep; their offset is a chain of its own.
    key = work.delivery.key
    return id(work.progress), work.delivery.offset if key is None else key
