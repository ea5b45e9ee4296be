# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from consumer.images.fair_threads import FairThreads, TurnedAwayError
from consumer.images.gate import Patience
from tests.support.wait import until, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_S = 30


class Blocked:
    """Work that ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self._go_on = threading.Event()

    def __call__(self) -> None:
        self.begun += 1
        assert self._go_on.wait(LIMIT_S)

    def end(self) -> None:
        self._go_on.set()


@contextlib.contextmanager
def threads(count: int, patience: Patience | None = None) -> Iterator[tuple[FairThreads, Blocked]]:
    """Threads, and work for them that has ended when the block ends."""
    fair, blocked = FairThreads(count, "fair", patience), Blocked()
    try:
        yield fair, blocked
    finally:
        blocked.end()
        fair.close()


async def test_one_piece_of_work_does_not_wait_behind_a_hundred_of_another_owner() -> None:
    order: list[str] = []
    with threads(1) as (fair, blocked):
        first = asyncio.create_task(fair.run("greedy", blocked))
        await until(lambda: blocked.begun)
        greedy = [asyncio.create_task(fair.run("greedy", lambda: order.append("greedy"))) for _ in range(100)]
        await until(lambda: fair._gate.waiting == 99)
        modest = asyncio.create_task(fair.run("modest", lambda: order.append("modest")))
        await until(lambda: fair._gate.waiting == 100)

        blocked.end()
        await asyncio.gather(first, *greedy, modest)

    # The first was at hand, the second had the first turn.
    assert order == ["greedy", "greedy", "modest", *["greedy"] * 98]


async def test_a_thread_goes_on_while_the_loop_does_something_else() -> None:
    done = threading.Semaphore(0)
    with threads(1) as (fair, blocked):
        first = asyncio.create_task(fair.run("acme", blocked))
        await until(lambda: blocked.begun)
        second = asyncio.create_task(fair.run("acme", done.release))
        await asyncio.sleep(0)

        blocked.end()
        assert done.acquire(timeout=LIMIT_S)  # blocks the loop

        await asyncio.gather(first, second)


async def test_work_that_is_slow_has_a_short_queue() -> None:
    with threads(1, Patience(slow_s=0, wait_s=0)) as (fair, blocked):
        running = [asyncio.create_task(fair.run("acme", blocked)) for _ in range(2)]  # one is at hand
        await until(lambda: blocked.begun)

        with pytest.raises(TurnedAwayError):
            await asyncio.wait_for(fair.run("acme", int), LIMIT_S)
        blocked.end()
        await asyncio.gather(*running)

        assert await fair.run("acme", lambda: 7) == 7  # nobody waits: a new start


async def test_work_that_is_quick_has_no_end_to_its_queue() -> None:
    with threads(1, Patience(slow_s=LIMIT_S, wait_s=0)) as (fair, blocked):
        first = asyncio.create_task(fair.run("acme", blocked))
        crowd = [asyncio.create_task(fair.run("acme", lambda: 7)) for _ in range(500)]
        await until(lambda: blocked.begun)
        blocked.end()

        assert await asyncio.gather(first, *crowd) == [None, *[7] * 500]


async def test_work_that_is_cancelled_while_it_runs_gives_its_slot_back_when_its_thread_is_free() -> None:
    with threads(1) as (fair, blocked):
        running = asyncio.create_task(fair.run("acme", blocked))
        await until(lambda: blocked.begun)
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()

        after = asyncio.create_task(fair.run("acme", lambda: 7))
        await until(lambda: fair._gate.running == 2)
        waiting = asyncio.create_task(fair.run("acme", lambda: 8))
        await until(lambda: fair._gate.waiting == 1)
        blocked.end()

        assert list(await asyncio.gather(after, waiting)) == [7, 8]
        assert (fair._gate.running, fair._gate.waiting) == (0, 0)


async def test_work_that_is_cancelled_while_it_waits_never_runs_and_gives_its_slot_back_once() -> None:
    ran: list[int] = []
    with threads(1) as (fair, blocked):
        running = asyncio.create_task(fair.run("acme", blocked))
        await until(lambda: blocked.begun)
        waiting = [asyncio.create_task(fair.run("acme", partial(ran.append, number))) for number in range(6)]
        await until(lambda: fair._gate.waiting == 5)

        for number in (0, 1, 5):  # at hand, the first in the queue and the last
            waiting[number].cancel()
        await asyncio.wait([waiting[0], waiting[1], waiting[5]])
        await until(lambda: (fair._gate.running, fair._gate.waiting) == (2, 2))
        blocked.end()
        await asyncio.gather(running, *waiting[2:5])

        assert ran == [2, 3, 4]
        assert (fair._gate.running, fair._gate.waiting) == (0, 0)


async def test_what_work_raises_comes_to_the_one_who_asked_and_the_slot_is_free() -> None:
    with threads(1) as (fair, _):
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await fair.run("acme", lambda: 1 / 0)

        assert fair._gate.running == 0


async def test_closing_finishes_what_runs_and_cancels_what_waits() -> None:
    with threads(1) as (fair, blocked):
        running = asyncio.create_task(fair.run("acme", blocked))
        await until(lambda: blocked.begun)
        waiting = [asyncio.create_task(fair.run("acme", blocked)) for _ in range(5)]
        await until(lambda: fair._gate.waiting == 4)

        ending = threading.Thread(target=end_when_closed, args=(fair, blocked))
        ending.start()
        fair.close()
        ending.join()

        await asyncio.wait([running, *waiting])
        assert running.result() is None
        assert [task.cancelled() for task in waiting] == [True] * 5
        assert blocked.begun == 1


async def test_nothing_runs_and_nobody_waits_once_the_threads_are_closed() -> None:
    with threads(1) as (fair, blocked):
        fair.close()

        for _ in range(5):
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(fair.run("acme", blocked), LIMIT_S)
        assert not blocked.begun


def end_when_closed(fair: FairThreads, blocked: Blocked) -> None:
    """Let work end once nothing can be begun any more."""

    def is_closed() -> bool:
        try:
            fair._threads.submit(int)
        except RuntimeError:
            return True
        return False

    wait_until(is_closed, LIMIT_S)
    blocked.end()


def test_work_may_outlast_the_loop_of_the_one_who_went_away() -> None:
    async def go_away(fair: FairThreads, blocked: Blocked) -> None:
        running = asyncio.create_task(fair.run("acme", blocked))
        await until(lambda: blocked.begun)
        running.cancel()
        await asyncio.wait([running])

    with threads(1) as (fair, blocked):
        asyncio.run(go_away(fair, blocked))

    wait_until(lambda: not any(thread.name.startswith("fair") for thread in threading.enumerate()), LIMIT_S)
