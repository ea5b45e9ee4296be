# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from consumer.images.fair_threads import FairThreads, NoThreadError, ThreadsClosedError, TurnedAwayError
from consumer.images.gate import Patience
from tests.support.clock import Clock
from tests.support.wait import until, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT_S = 30
PATIENCE = Patience(slow_s=1, wait_s=15)
#: Where seconds decide and no queue is cut.
ENDLESS = Patience(slow_s=sys.float_info.max, wait_s=0)


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


class Scene:
    """Threads under a clock, and work for them that takes the seconds that it says."""

    def __init__(self, count: int, patience: Patience, per_owner: int) -> None:
        self.clock = Clock()
        self.fair = FairThreads(count, "fair", patience, per_owner=per_owner, clock=self.clock)
        self.order = ""
        self._blocked: list[Blocked] = []

    @property
    def waiting(self) -> int:
        return self.fair._queue.waiting

    async def block(self, owner: str) -> tuple[asyncio.Task[None], Blocked]:
        """Work that runs until it is told to end."""
        blocked = Blocked()
        self._blocked.append(blocked)
        running = asyncio.create_task(self.fair.run(owner, blocked))
        await until(lambda: blocked.begun)
        return running, blocked

    async def ask(self, owner: str, pieces: int, seconds: float = 0) -> list[asyncio.Task[None]]:
        """So many pieces, which have asked when this returns; each leaves the owner's name."""
        tasks = [asyncio.create_task(self.fair.run(owner, partial(self._take, owner, seconds))) for _ in range(pieces)]
        await asyncio.sleep(0)
        return tasks

    def end(self) -> None:
        for blocked in self._blocked:
            blocked.end()
        self.fair.close()

    def _take(self, owner: str, seconds: float) -> None:
        self.clock.now_s += seconds
        self.order += owner


@contextlib.contextmanager
def scene(count: int = 1, patience: Patience = ENDLESS, *, per_owner: int = 1) -> Iterator[Scene]:
    made = Scene(count, patience, per_owner)
    try:
        yield made
    finally:
        made.end()


async def fates(tasks: list[asyncio.Task[None]]) -> list[type[BaseException] | None]:
    """What each task raised."""
    return [type(error) if error else None for error in await asyncio.gather(*tasks, return_exceptions=True)]


async def test_an_owner_of_long_pieces_gets_no_more_time_than_one_of_short_pieces() -> None:
    with scene() as at:
        running, blocked = await at.block("-")
        long, short = await at.ask("L", 3, 1.75), await at.ask("s", 12, 0.5)
        blocked.end()
        await asyncio.gather(running, *long, *short)

    # At 1.75 the short ones have run for 2 s, at 3.5 for 3.5 s.
    assert at.order == "LssssLsssLsssss"


async def test_one_piece_does_not_wait_behind_a_hundred_of_another_owner() -> None:
    with scene() as at:
        running, blocked = await at.block("g")
        greedy = await at.ask("g", 100)
        modest = await at.ask("m", 1)
        at.clock.now_s += 1
        blocked.end()
        await asyncio.gather(running, *greedy, *modest)

    assert at.order == "m" + "g" * 100


async def test_a_piece_that_still_runs_counts_by_its_age() -> None:
    with scene(2, per_owner=2) as at:
        running, _ = await at.block("a")
        other, blocked = await at.block("-")
        asked = [*await at.ask("a", 1), *await at.ask("b", 1)]
        at.clock.now_s += 3
        blocked.end()
        await asyncio.gather(other, *asked)
        assert not running.done()

    assert at.order == "ba"


async def test_one_owner_leaves_a_thread_free_for_another() -> None:
    with scene(3, per_owner=2) as at:
        greedy = [await at.block("g") for _ in range(2)]
        asked = await at.ask("g", 10)

        assert await asyncio.wait_for(at.fair.run("m", lambda: 7), LIMIT_S) == 7
        assert at.waiting == 10

        for _, blocked in greedy:
            blocked.end()
        await asyncio.gather(*asked)


async def test_who_comes_has_no_seconds_saved_up() -> None:
    with scene() as at:
        running, blocked = await at.block("g")
        at.clock.now_s += 64
        greedy, modest = await at.ask("g", 4, 1), await at.ask("m", 4, 1)
        blocked.end()
        await asyncio.gather(running, *greedy, *modest)

    assert sorted(at.order[:4]) == ["g", "g", "m", "m"]


async def test_who_goes_away_for_a_moment_still_owes_what_it_had_used() -> None:
    with scene() as at:
        first, gate = await at.block("-")
        heavy = await at.ask("h", 1, 16)
        second = asyncio.create_task(at.fair.run("s", inside := Blocked()))
        steady = await at.ask("s", 4, 1)
        gate.end()
        await asyncio.gather(first, *heavy)
        await until(lambda: inside.begun)
        again = await at.ask("h", 4, 1)
        inside.end()
        await asyncio.gather(second, *steady, *again)

    assert at.order == "h" + "ssss" + "hhhh"


async def test_when_nobody_is_left_all_is_forgotten() -> None:
    with scene() as at:
        await asyncio.gather(*await at.ask("h", 1, 16))
        assert not at.fair._queue._owners

        running, blocked = await at.block("-")
        asked = [*await at.ask("h", 2, 2), *await at.ask("s", 2, 2)]
        blocked.end()
        await asyncio.gather(running, *asked)

    assert at.order == "h" + "hshs"


async def test_a_slow_owner_has_a_short_queue_and_another_has_not() -> None:
    with scene(patience=PATIENCE) as at:
        await at.block("slow")
        at.clock.now_s += 5
        slow, quick = await at.ask("slow", 5), await at.ask("quick", 100)
        slow_too = await at.ask("slow", 1)

        await until(lambda: all(task.done() for task in (*slow[3:], *slow_too)))
        assert at.waiting == 3 + 100
        at._blocked[0].end()

        assert await fates(slow + slow_too) == [None] * 3 + [TurnedAwayError] * 3
        assert await fates(quick) == [None] * 100


async def test_who_waits_already_when_the_work_proves_slow_is_told_so_the_last_to_come_first() -> None:
    with scene(patience=PATIENCE) as at:
        running, blocked = await at.block("slow")
        asked = await at.ask("slow", 10)
        assert at.waiting == 10
        at.clock.now_s += 5
        blocked.end()
        await running

        assert await fates(asked) == [None] * 3 + [TurnedAwayError] * 7


async def test_time_that_work_waits_is_not_counted() -> None:
    with scene(patience=PATIENCE) as at:
        running, blocked = await at.block("slow")
        asked = await at.ask("quick", 1)
        at.clock.now_s += 100
        asked += await at.ask("quick", 100)
        blocked.end()
        await running

        assert await fates(asked) == [None] * 101


async def test_a_slow_owner_that_may_have_another_thread_is_let_in() -> None:
    with scene(2, Patience(slow_s=1, wait_s=2), per_owner=2) as at:
        running, blocked = await at.block("slow")
        at.clock.now_s += 50

        assert await fates(await at.ask("slow", 1)) == [None]

        blocked.end()
        await running


async def test_a_slow_owner_that_was_gone_has_a_new_start() -> None:
    with scene(2, PATIENCE) as at:
        await at.block("steady")
        running, blocked = await at.block("slow")
        at.clock.now_s += 50
        blocked.end()
        await running

        assert await fates(await at.ask("slow", 10)) == [None] * 10


async def test_a_quick_owner_has_no_end_to_its_queue() -> None:
    with scene(patience=PATIENCE) as at:
        running, blocked = await at.block("quick")
        at.clock.now_s += 1
        asked = await at.ask("quick", 1000, 1)
        assert at.waiting == 1000
        blocked.end()

        await asyncio.gather(running, *asked)


async def test_a_thread_goes_on_while_the_loop_does_something_else() -> None:
    done = threading.Semaphore(0)
    with scene() as at:
        first, blocked = await at.block("acme")
        second = asyncio.create_task(at.fair.run("acme", done.release))
        await asyncio.sleep(0)

        blocked.end()
        assert done.acquire(timeout=LIMIT_S)  # blocks the loop

        await asyncio.gather(first, second)


async def test_work_that_is_cancelled_while_it_runs_keeps_its_thread_and_counts() -> None:
    with scene(2) as at:
        _, others = await at.block("other")  # while it runs nothing is forgotten
        running, blocked = await at.block("acme")
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()

        after = await at.ask("acme", 1, 1)
        assert at.waiting == 1
        at.clock.now_s += 7
        blocked.end()
        await asyncio.gather(*after)

        assert at.fair._queue._gone_s == {"acme": 7 + 1}
        others.end()
        await until(lambda: not at.fair._queue._owners)


async def test_work_that_is_cancelled_while_it_waits_never_runs_and_counts_no_more() -> None:
    ran: list[int] = []
    with scene() as at:
        running, blocked = await at.block("acme")
        waiting = [asyncio.create_task(at.fair.run("acme", partial(ran.append, number))) for number in range(6)]
        await asyncio.sleep(0)

        for number in (0, 2, 5):
            waiting[number].cancel()
        await asyncio.wait([waiting[0], waiting[2], waiting[5]])
        assert at.waiting == 3
        blocked.end()
        await asyncio.gather(running, waiting[1], waiting[3], waiting[4])

        assert ran == [1, 3, 4]
        assert not at.fair._queue._owners


async def test_a_thread_passes_over_work_that_was_cancelled_a_moment_ago() -> None:
    with scene() as at:
        running, blocked = await at.block("acme")
        asked, gone = await at.ask("acme", 2)
        next(reversed(at.fair._queue._owners["acme"].waiting)).cancel()
        blocked.end()
        wait_until(lambda: not at.fair._queue._owners, LIMIT_S)  # blocks the loop, which has not heard of it yet

        assert await fates([running, asked, gone]) == [None, None, asyncio.CancelledError]
        assert at.order == "acme"


async def test_what_work_raises_comes_to_the_one_who_asked_and_the_thread_goes_on() -> None:
    with scene() as at:
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await at.fair.run("acme", lambda: 1 / 0)

        assert await at.fair.run("acme", lambda: 7) == 7
        assert not at.fair._queue._owners


async def test_closing_finishes_what_runs_and_tells_what_waits() -> None:
    with scene() as at:
        running, blocked = await at.block("acme")
        waiting = await at.ask("acme", 5)

        ending = threading.Thread(target=when, args=(lambda: at.fair._is_closed, blocked.end))
        ending.start()
        at.fair.close()
        ending.join()

        assert await fates([running, *waiting]) == [None] + [ThreadsClosedError] * 5
        assert not at.order


@pytest.mark.parametrize("has_begun", [False, True])
async def test_nothing_runs_and_nobody_waits_once_the_threads_are_closed(*, has_begun: bool) -> None:
    with scene() as at:
        if has_begun:
            await asyncio.gather(*await at.ask("acme", 1))
        at.fair.close()

        assert await fates(await at.ask("acme", 5)) == [ThreadsClosedError] * 5
        assert at.order == "acme" * has_begun


@pytest.mark.parametrize("had", [0, 1])
async def test_threads_that_could_not_start_are_started_by_the_next_call(
    had: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, asked = threading.Thread.start, itertools.count()

    def start_or_fail(thread: threading.Thread) -> None:
        if next(asked) == had:
            raise RuntimeError("can't start new thread")
        start(thread)

    with scene(2) as at:
        monkeypatch.setattr(threading.Thread, "start", start_or_fail)
        assert await fates(await at.ask("first", 1)) == [None if had else NoThreadError]

        running, blocked = await at.block("second")
        assert await asyncio.wait_for(at.fair.run("third", lambda: 7), LIMIT_S) == 7
        blocked.end()
        await running


async def test_threads_of_which_none_could_start_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with scene(2) as at, monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        assert await fates(await at.ask("acme", 1)) == [NoThreadError]


def when(condition: Callable[[], bool], then: Callable[[], None]) -> None:
    wait_until(condition, LIMIT_S)
    then()


def test_work_may_outlast_the_loop_of_the_one_who_went_away() -> None:
    async def go_away(at: Scene) -> None:
        running, _ = await at.block("acme")
        running.cancel()
        await asyncio.wait([running])

    with scene() as at:
        asyncio.run(go_away(at))
        at._blocked[0].end()
        wait_until(lambda: not at.fair._queue._owners, LIMIT_S)

    assert not any(thread.name.startswith("fair") for thread in threading.enumerate())
