# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from typing import Any

import pytest

from consumer.events import FetchReason
from consumer.images.hosts import Hosts, Verdict, Visit
from consumer.settings import ImageSettings
from tests.support.clock import Clock


async def settle() -> None:
    """Let every task go on until it waits."""
    for _ in range(6):
        await asyncio.sleep(0)


def let_in(found: Visit | FetchReason) -> Visit:
    assert isinstance(found, Visit), found
    return found


class Scene:
    """Hosts, and time that passes when the test says so."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.hosts = Hosts(ImageSettings(**settings), self.clock)

    async def visit(self, name: str, verdict: Verdict) -> FetchReason | None:
        """Why the host may not be asked; None when it was, with this outcome."""
        visit = await self.hosts.enter(name)
        if isinstance(visit, FetchReason):
            return visit
        self.hosts.leave(visit, verdict)
        return None

    async def enter(self, name: str) -> Visit:
        return let_in(await self.hosts.enter(name))

    async def fail(self, name: str, times: int) -> None:
        for _ in range(times):
            assert await self.visit(name, Verdict.BAD) is None


async def test_a_host_is_left_alone_after_so_many_failures_in_a_row() -> None:
    scene = Scene(breaker_failures=5, breaker_first_s=30)

    await scene.fail("bad:80", 4)
    assert scene.hosts.open == 0
    await scene.fail("bad:80", 1)

    assert await scene.visit("bad:80", Verdict.GOOD) is FetchReason.CIRCUIT_OPEN
    assert await scene.visit("good:80", Verdict.GOOD) is None
    assert scene.hosts.open == 1


@pytest.mark.parametrize("verdict", [Verdict.GOOD, Verdict.ALIVE])
async def test_an_answer_in_between_starts_the_count_anew(verdict: Verdict) -> None:
    scene = Scene(breaker_failures=5)

    for _ in range(3):
        await scene.fail("moody:80", 4)
        await scene.visit("moody:80", verdict)

    assert scene.hosts.open == 0


async def test_what_says_nothing_of_the_host_neither_counts_nor_ends_the_count() -> None:
    scene = Scene(breaker_failures=5)

    for _ in range(20):
        await scene.visit("blocked:80", Verdict.NONE)
    assert scene.hosts.open == 0
    await scene.fail("blocked:80", 4)
    await scene.visit("blocked:80", Verdict.NONE)
    await scene.fail("blocked:80", 1)

    assert scene.hosts.open == 1


async def test_after_the_pause_one_fetch_tries_the_host_and_the_others_stay_away() -> None:
    scene = Scene(breaker_failures=5, breaker_first_s=30)
    await scene.fail("bad:80", 5)

    scene.clock.now_s += 29.9
    assert await scene.visit("bad:80", Verdict.GOOD) is FetchReason.CIRCUIT_OPEN
    scene.clock.now_s += 0.2
    trial = await scene.enter("bad:80")
    assert [await scene.visit("bad:80", Verdict.GOOD) for _ in range(3)] == [FetchReason.CIRCUIT_OPEN] * 3
    scene.hosts.leave(trial, Verdict.GOOD)

    assert await scene.visit("bad:80", Verdict.GOOD) is None
    assert scene.hosts.open == 0


async def test_the_pause_doubles_with_each_failed_trial_up_to_the_cap() -> None:
    scene = Scene(breaker_failures=5, breaker_first_s=30, breaker_cap_s=100)
    await scene.fail("bad:80", 5)

    for pause_s in (30, 60, 100, 100):
        scene.clock.now_s += pause_s - 0.1
        assert await scene.visit("bad:80", Verdict.BAD) is FetchReason.CIRCUIT_OPEN
        scene.clock.now_s += 0.2
        assert await scene.visit("bad:80", Verdict.BAD) is None  # the trial, which fails


async def test_a_trial_that_ends_without_an_answer_lets_the_next_one_try() -> None:
    scene = Scene(breaker_failures=5, breaker_first_s=30)
    await scene.fail("bad:80", 5)
    scene.clock.now_s += 31

    assert await scene.visit("bad:80", Verdict.NONE) is None
    assert await scene.visit("bad:80", Verdict.ALIVE) is None

    assert scene.hosts.open == 0


async def test_a_trial_that_is_cancelled_in_the_queue_lets_the_next_one_try() -> None:
    scene = Scene(breaker_failures=2, breaker_first_s=30, in_flight=2)
    await scene.fail("bad:80", 2)
    scene.clock.now_s += 31
    other = await scene.enter("other:80")  # the one slot for hosts that never gave a picture
    trial = asyncio.create_task(scene.hosts.enter("bad:80"))
    await settle()

    trial.cancel()
    await settle()
    scene.hosts.leave(other, Verdict.ALIVE)

    assert await scene.visit("bad:80", Verdict.ALIVE) is None
    assert scene.hosts.open == 0


async def test_what_began_before_the_host_was_left_alone_is_old_news() -> None:
    scene = Scene(breaker_failures=2, breaker_first_s=30)
    early = [await scene.enter("bad:80") for _ in range(4)]

    for visit, verdict in zip(early, [Verdict.BAD, Verdict.BAD, Verdict.GOOD, Verdict.BAD], strict=True):
        scene.hosts.leave(visit, verdict)
    assert scene.hosts.open == 1
    scene.clock.now_s += 31

    assert await scene.visit("bad:80", Verdict.GOOD) is None  # the pause is that of one opening


async def test_who_waits_at_a_host_that_is_then_left_alone_is_told_so_at_once() -> None:
    scene = Scene(breaker_failures=2, in_flight_per_host=2)
    inside = [await scene.enter("bad:80") for _ in range(2)]
    waiting = [asyncio.create_task(scene.hosts.enter("bad:80")) for _ in range(10)]
    await settle()

    for visit in inside:
        scene.hosts.leave(visit, Verdict.BAD)

    assert await asyncio.gather(*waiting) == [FetchReason.CIRCUIT_OPEN] * 10
    assert (scene.hosts.in_flight, scene.hosts.waiting) == (0, 0)


async def test_so_many_at_a_time_at_one_host_and_who_waits_there_holds_no_slot_of_the_process() -> None:
    scene = Scene(in_flight=8, in_flight_per_host=3)
    await scene.visit("other:80", Verdict.GOOD)
    await scene.visit("crowded:80", Verdict.GOOD)
    inside = [await scene.enter("crowded:80") for _ in range(3)]
    waiting = [asyncio.create_task(scene.hosts.enter("crowded:80")) for _ in range(50)]
    await settle()

    assert (scene.hosts.in_flight, scene.hosts.waiting) == (3, 50)
    assert await scene.visit("other:80", Verdict.GOOD) is None

    for visit in inside:
        scene.hosts.leave(visit, Verdict.GOOD)
    for task in waiting:
        scene.hosts.leave(let_in(await task), Verdict.GOOD)
    assert (scene.hosts.in_flight, scene.hosts.waiting) == (0, 0)


async def test_hosts_that_never_gave_a_picture_leave_half_of_the_process_to_those_that_did() -> None:
    scene = Scene(in_flight=8, in_flight_per_host=8)
    await scene.visit("known:80", Verdict.GOOD)
    newcomers = [asyncio.create_task(scene.hosts.enter(f"invented-{number}:80")) for number in range(100)]
    await settle()

    assert (scene.hosts.in_flight, scene.hosts.waiting) == (4, 96)
    known = [await scene.enter("known:80") for _ in range(4)]
    assert scene.hosts.in_flight == 8

    for visit in known:
        scene.hosts.leave(visit, Verdict.GOOD)
    for task in newcomers:
        task.cancel()
    await asyncio.gather(*newcomers, return_exceptions=True)
    for task in newcomers[:4]:
        scene.hosts.leave(let_in(task.result()), Verdict.NONE)
    assert (scene.hosts.in_flight, scene.hosts.waiting) == (0, 0)


@pytest.mark.parametrize("verdict", [Verdict.ALIVE, Verdict.BAD, Verdict.NONE])
async def test_only_a_picture_makes_a_host_known(verdict: Verdict) -> None:
    scene = Scene(in_flight=2)
    await scene.visit("stranger:80", verdict)
    newcomer = await scene.enter("newcomer:80")

    stranger = asyncio.create_task(scene.hosts.enter("stranger:80"))
    await settle()

    assert not stranger.done()
    scene.hosts.leave(newcomer, Verdict.NONE)
    scene.hosts.leave(let_in(await stranger), Verdict.NONE)


@pytest.mark.parametrize("place", ["host", "newcomers", "process"])
async def test_who_is_cancelled_in_a_queue_gives_everything_back(place: str) -> None:
    scene = Scene(in_flight=4, in_flight_per_host=2)
    await scene.visit("known:80", Verdict.GOOD)
    await scene.visit("second:80", Verdict.GOOD)
    holding = {
        "host": ["known:80"] * 2,
        "newcomers": ["a:80", "b:80"],
        "process": ["a:80", "b:80", "second:80", "second:80"],
    }[place]
    visits = [await scene.enter(name) for name in holding]
    waiting = asyncio.create_task(scene.hosts.enter("c:80" if place == "newcomers" else "known:80"))
    await settle()
    assert scene.hosts.waiting == 1

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert (scene.hosts.in_flight, scene.hosts.waiting) == (len(visits), 0)
    for visit in visits:
        scene.hosts.leave(visit, Verdict.NONE)
    assert not any(host.users for host in scene.hosts._hosts.values())
    assert not any(host.gate.running for host in scene.hosts._hosts.values())


async def test_a_host_that_wants_rest_says_for_how_long_up_to_the_cap() -> None:
    scene = Scene(retry_after_cap_s=600)

    scene.hosts.rest("tired:80", 86_400)

    assert scene.hosts.pause_s("tired:80") == 600
    assert scene.hosts.pause_s("other:80") == 0
    scene.clock.now_s += 599
    assert scene.hosts.pause_s("tired:80") == 1
    scene.clock.now_s += 2
    assert scene.hosts.pause_s("tired:80") == 0


async def test_a_shorter_rest_does_not_shorten_a_longer_one() -> None:
    scene = Scene()

    scene.hosts.rest("tired:80", 100)
    scene.hosts.rest("tired:80", 1)

    assert scene.hosts.pause_s("tired:80") == 100


async def test_the_hosts_remembered_are_bounded_and_the_longest_unused_goes_first() -> None:
    scene = Scene(hosts_remembered=3)
    for name in ("a:80", "b:80", "c:80"):
        await scene.visit(name, Verdict.GOOD)
    await scene.visit("a:80", Verdict.GOOD)

    for number in range(50):
        await scene.visit("a:80", Verdict.GOOD)
        await scene.visit(f"invented-{number}:80", Verdict.BAD)

    assert len(scene.hosts._hosts) == 3
    assert list(scene.hosts._hosts)[-2:] == ["a:80", "invented-49:80"]


async def test_a_host_in_use_is_never_forgotten() -> None:
    scene = Scene(hosts_remembered=2, breaker_failures=3, in_flight_per_host=2)
    visits = [await scene.enter("busy:80") for _ in range(2)]

    for number in range(20):
        await scene.visit(f"invented-{number}:80", Verdict.GOOD)
    third = asyncio.create_task(scene.hosts.enter("busy:80"))
    await settle()

    assert not third.done()  # its slots are still counted
    for visit in visits:
        scene.hosts.leave(visit, Verdict.BAD)
    scene.hosts.leave(let_in(await third), Verdict.BAD)
    assert await scene.visit("busy:80", Verdict.GOOD) is FetchReason.CIRCUIT_OPEN  # and its failures
