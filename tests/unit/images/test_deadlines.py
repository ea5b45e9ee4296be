# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from consumer.images.deadlines import Deadline, Deadlines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def forever(_: Deadline) -> None:
    await asyncio.Event().wait()


async def took_s(
    deadlines: Deadlines, limit_s: float, work: Callable[[Deadline], Awaitable[None]] = forever
) -> float | None:
    """When the work was cut off; None for work that came to its end."""
    started_s = now_s()
    try:
        with deadlines.within(limit_s) as deadline:
            await work(deadline)
    except TimeoutError:
        return now_s() - started_s
    return None


async def test_each_is_cut_off_at_its_own_moment_whichever_was_set_first() -> None:
    deadlines = Deadlines()
    limits_s = [0.2, 0.05, 0.1, 0.0, 0.15]

    took = await asyncio.gather(*(took_s(deadlines, limit_s) for limit_s in limits_s))

    for limit_s, cut_off_s in zip(limits_s, took, strict=True):
        assert cut_off_s is not None
        assert limit_s <= cut_off_s + 1e-3
    assert sorted(took, key=lambda cut_off_s: cut_off_s or math.inf) == [took[at] for at in (3, 1, 2, 4, 0)]


async def test_what_ends_in_time_is_left_alone_and_leaves_nothing_behind() -> None:
    deadlines = Deadlines()

    async def short(_: Deadline) -> None:
        await asyncio.sleep(0)

    assert await took_s(deadlines, 0.05, short) is None
    assert await took_s(deadlines, 0.1) is not None
    assert not deadlines._running


async def test_one_that_is_put_off_counts_again_from_its_new_moment() -> None:
    deadlines = Deadlines()

    async def paused(deadline: Deadline) -> None:
        deadline.put_off()
        await took_s(deadlines, 0.1)  # longer than its own moment
        deadline.resume(now_s() + 0.05)
        await forever(deadline)

    cut_off_s = await took_s(deadlines, 0.02, paused)

    assert cut_off_s is not None
    assert cut_off_s >= 0.149


async def test_one_timer_serves_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    deadlines, loop = Deadlines(), asyncio.get_running_loop()
    call_at, moments_s = loop.call_at, list[float]()

    def noted(when_s: float, work: Callable[[], None]) -> asyncio.TimerHandle:
        moments_s.append(when_s)
        return call_at(when_s, work)

    monkeypatch.setattr(loop, "call_at", noted)
    for _ in range(1_000):
        with deadlines.within(10):
            pass

    assert len(moments_s) == 1


async def test_who_is_cancelled_by_another_hears_of_that_and_not_of_the_time() -> None:
    deadlines = Deadlines()
    task = asyncio.create_task(took_s(deadlines, 10))
    await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert not deadlines._running


async def test_who_is_cancelled_by_another_in_the_moment_of_the_deadline_is_cancelled() -> None:
    deadlines = Deadlines()

    async def cancelled_too(deadline: Deadline) -> None:
        try:
            await forever(deadline)
        finally:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    task = asyncio.create_task(took_s(deadlines, 0.01, cancelled_too))

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_the_work_is_what_comes_out() -> None:
    async def broken(_: Deadline) -> None:
        raise ValueError("of the work")

    with pytest.raises(ValueError, match="of the work"):
        await took_s(Deadlines(), 10, broken)
