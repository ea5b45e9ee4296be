# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import itertools
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from consumer.images.fair_threads import NoThreadError, ThreadsClosedError
from tests.support.wait import until, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
from tests.unit.images.fair_threads_scene import LIMIT_S, Scene, fates, scene


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
