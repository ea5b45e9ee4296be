# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest

from consumer.images.single_flight import SingleFlight
from tests.support.wait import settle


class Work:
    """Counts how often it is done; each time it waits until it is told what to answer."""

    def __init__(self) -> None:
        self.running: list[asyncio.Future[str]] = []

    async def __call__(self) -> str:
        self.running.append(asyncio.get_running_loop().create_future())
        return await self.running[-1]


async def crowd(flight: SingleFlight[str], work: Work, size: int) -> list[asyncio.Task[str]]:
    """So many who ask for the same."""
    asking = [asyncio.create_task(flight.run("key", work)) for _ in range(size)]
    await settle()
    return asking


async def test_what_many_ask_for_at_the_same_time_is_done_once() -> None:
    flight, work = SingleFlight[str](), Work()
    asking = await crowd(flight, work, 10)

    work.running[0].set_result("done")

    assert await asyncio.gather(*asking) == ["done"] * 10
    assert len(work.running) == 1


async def test_other_keys_and_later_times_are_work_of_their_own() -> None:
    flight, work = SingleFlight[str](), Work()
    first = asyncio.create_task(flight.run(("acme", "url"), work))
    other = asyncio.create_task(flight.run(("globex", "url"), work))
    await settle()
    for number, running in enumerate(work.running):
        running.set_result(f"answer {number}")

    assert [await first, await other] == ["answer 0", "answer 1"]
    again = asyncio.create_task(flight.run(("acme", "url"), work))
    await settle()
    work.running[2].set_result("answer 2")
    assert await again == "answer 2"


async def test_where_the_worker_is_cancelled_one_of_those_who_wait_takes_over() -> None:
    flight, work = SingleFlight[str](), Work()
    asking = await crowd(flight, work, 5)

    asking[0].cancel()
    await settle()
    assert len(work.running) == 2
    asking[1].cancel()
    await settle()
    work.running[2].set_result("done")

    assert await asyncio.gather(*asking[2:]) == ["done"] * 3
    assert asking[0].cancelled()
    assert asking[1].cancelled()
    assert len(work.running) == 3


async def test_where_the_worker_fails_it_alone_is_told_and_another_one_tries() -> None:
    flight, work = SingleFlight[str](), Work()
    asking = await crowd(flight, work, 3)

    work.running[0].set_exception(ValueError("once"))
    await settle()
    work.running[1].set_result("done")

    with pytest.raises(ValueError, match="once"):
        await asking[0]
    assert await asyncio.gather(*asking[1:]) == ["done"] * 2


async def test_one_of_those_who_wait_may_go_away_without_harm_to_the_others() -> None:
    flight, work = SingleFlight[str](), Work()
    asking = await crowd(flight, work, 3)

    asking[1].cancel()
    await settle()
    work.running[0].set_result("done")

    assert [await asking[0], await asking[2]] == ["done"] * 2
    assert asking[1].cancelled()
    assert len(work.running) == 1


async def test_nothing_is_left_when_all_are_gone() -> None:
    flight, work = SingleFlight[str](), Work()
    asking = await crowd(flight, work, 4)

    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)

    assert all(task.cancelled() for task in asking)
    assert not flight._running
