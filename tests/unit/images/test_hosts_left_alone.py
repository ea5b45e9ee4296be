# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import time

import pytest

from consumer.events import FetchReason
from consumer.images.hosts import Evidence, Hosts
from consumer.settings import ImageSettings
from tests.support.wait import settle
from tests.unit.images.hosts_scene import Scene, at, let_in, room


async def test_a_host_is_left_alone_after_so_many_failures_in_a_row() -> None:
    scene = Scene(breaker_failures=5, breaker_first_s=30)

    await scene.fail("bad:80", 4)
    assert scene.hosts.open == 0
    await scene.fail("bad:80", 1)

    assert await scene.visit("bad:80", Evidence.GOOD) is FetchReason.CIRCUIT_OPEN
    assert await scene.visit("good:80", Evidence.GOOD) is None
    assert scene.hosts.open == 1


@pytest.mark.parametrize("evidence", [Evidence.GOOD, Evidence.ALIVE])
async def test_an_answer_in_between_starts_the_count_anew(evidence: Evidence) -> None:
    scene = Scene(breaker_failures=5)

    for _ in range(3):
        await scene.fail("moody:80", 4)
        await scene.visit("moody:80", evidence)

    assert scene.hosts.open == 0


async def test_what_says_nothing_of_the_host_neither_counts_nor_ends_the_count() -> None:
    scene = Scene(breaker_failures=5)

    for _ in range(20):
        await scene.visit("blocked:80", Evidence.NONE)
    assert scene.hosts.open == 0
    await scene.fail("blocked:80", 4)
    await scene.visit("blocked:80", Evidence.NONE)
    await scene.fail("blocked:80", 1)

    assert scene.hosts.open == 1


async def test_after_the_pause_one_fetch_tries_the_host_and_the_others_stay_away() -> None:
    scene = Scene(breaker_failures=5, breaker_first_s=30)
    await scene.fail("bad:80", 5)

    scene.clock.now_s += 29.9
    assert await scene.visit("bad:80", Evidence.GOOD) is FetchReason.CIRCUIT_OPEN
    scene.clock.now_s += 0.2
    trial = await scene.enter("bad:80")
    assert [await scene.visit("bad:80", Evidence.GOOD) for _ in range(3)] == [FetchReason.CIRCUIT_OPEN] * 3
    scene.hosts.leave(trial, Evidence.GOOD)

    assert await scene.visit("bad:80", Evidence.GOOD) is None
    assert scene.hosts.open == 0


async def test_the_pause_doubles_with_each_failed_trial_up_to_the_cap() -> None:
    scene = Scene(breaker_failures=5, breaker_first_s=30, breaker_cap_s=100)
    await scene.fail("bad:80", 5)

    for pause_s in (30, 60, 100, 100):
        scene.clock.now_s += pause_s - 0.1
        assert await scene.visit("bad:80", Evidence.BAD) is FetchReason.CIRCUIT_OPEN
        scene.clock.now_s += 0.2
        assert await scene.visit("bad:80", Evidence.BAD) is None  # the trial, which fails


async def test_a_trial_that_ends_without_an_answer_lets_the_next_one_try() -> None:
    scene = Scene(breaker_failures=5, breaker_first_s=30)
    await scene.fail("bad:80", 5)
    scene.clock.now_s += 31

    assert await scene.visit("bad:80", Evidence.NONE) is None
    assert await scene.visit("bad:80", Evidence.ALIVE) is None

    assert scene.hosts.open == 0


async def test_a_trial_that_is_cancelled_in_the_queue_lets_the_next_one_try() -> None:
    scene = Scene(breaker_failures=2, breaker_first_s=30, in_flight=2)
    await scene.fail("bad:80", 2)
    scene.clock.now_s += 31
    other = await scene.enter("other:80")  # the one slot for hosts that never gave a picture
    trial = asyncio.create_task(scene.hosts.enter(at("bad:80"), room))
    await settle()

    trial.cancel()
    await settle()
    scene.hosts.leave(other, Evidence.ALIVE)

    assert await scene.visit("bad:80", Evidence.ALIVE) is None
    assert scene.hosts.open == 0


async def test_what_began_before_the_host_was_left_alone_is_old_news() -> None:
    scene = Scene(breaker_failures=2, breaker_first_s=30)
    early = [await scene.enter("bad:80") for _ in range(4)]

    for visit, evidence in zip(early, [Evidence.BAD, Evidence.BAD, Evidence.GOOD, Evidence.BAD], strict=True):
        scene.hosts.leave(visit, evidence)
    assert scene.hosts.open == 1
    scene.clock.now_s += 31

    assert await scene.visit("bad:80", Evidence.GOOD) is None  # the pause is that of one opening


async def test_who_waits_at_a_host_that_is_then_left_alone_is_told_so_at_once() -> None:
    scene = Scene(breaker_failures=2, in_flight_per_host=2)
    inside = [await scene.enter("bad:80") for _ in range(2)]
    waiting = [asyncio.create_task(scene.hosts.enter(at("bad:80"), room)) for _ in range(10)]
    await settle()

    for visit in inside:
        scene.hosts.leave(visit, Evidence.BAD)

    assert await asyncio.gather(*waiting) == [FetchReason.CIRCUIT_OPEN] * 10
    assert (scene.hosts.in_flight, scene.hosts.waiting) == (0, 0)


async def test_a_host_that_wants_a_long_rest_says_for_how_long_up_to_the_cap() -> None:
    scene = Scene(retry_after_cap_s=600)

    await scene.rest("tired:80", 86_400)

    assert await scene.visit("tired:80", Evidence.GOOD) is FetchReason.RATE_LIMITED
    assert await scene.visit("other:80", Evidence.GOOD) is None
    scene.clock.now_s += 599
    assert await scene.visit("tired:80", Evidence.GOOD) is FetchReason.RATE_LIMITED
    scene.clock.now_s += 2
    assert await scene.visit("tired:80", Evidence.GOOD) is None


async def test_a_rest_that_ends_while_somebody_comes_gives_no_slot_for_nothing() -> None:
    scene = Scene()
    await scene.rest("tired:80", 20)
    looks_s = iter([scene.clock.now_s + 19.9])  # and at the next look it is over
    scene.hosts._clock = lambda: next(looks_s, scene.clock.now_s + 20.1)

    assert await scene.hosts.enter(at("tired:80"), room) is FetchReason.RATE_LIMITED


async def test_a_shorter_rest_does_not_shorten_a_longer_one() -> None:
    scene = Scene()
    first, second = await scene.enter("tired:80"), await scene.enter("tired:80")

    scene.hosts.leave(first, Evidence.ALIVE, 100)
    scene.hosts.leave(second, Evidence.ALIVE, 20)

    scene.clock.now_s += 99
    assert await scene.visit("tired:80", Evidence.GOOD) is FetchReason.RATE_LIMITED


async def test_who_waits_for_a_host_that_wants_a_long_rest_is_told_and_does_not_ask_it() -> None:
    scene = Scene(in_flight_per_host=2)
    inside = [await scene.enter("tired:80") for _ in range(2)]
    waiting = [asyncio.create_task(scene.hosts.enter(at("tired:80"), room)) for _ in range(200)]
    await settle()

    scene.hosts.leave(inside[0], Evidence.ALIVE, 600)

    assert await asyncio.gather(*waiting) == [FetchReason.RATE_LIMITED] * 200
    scene.hosts.leave(inside[1], Evidence.GOOD)


async def test_who_waits_for_a_host_that_wants_a_short_rest_waits_until_it_is_over() -> None:
    hosts = Hosts(ImageSettings(in_flight_per_host=1))  # by the real clock, as the pause is the event loop's
    first = let_in(await hosts.enter(at("tired:80"), room))
    waiting = asyncio.create_task(hosts.enter(at("tired:80"), room))
    await settle()
    began_s = time.monotonic()

    hosts.leave(first, Evidence.ALIVE, 0.2)
    late = asyncio.create_task(hosts.enter(at("tired:80"), room))
    await settle()
    assert not waiting.done()

    hosts.leave(let_in(await waiting), Evidence.GOOD)
    hosts.leave(let_in(await late), Evidence.GOOD)
    assert time.monotonic() - began_s >= 0.19


async def test_a_host_that_wants_rest_again_and_again_keeps_no_queue_beyond_what_comes_through() -> None:
    scene = Scene(in_flight_per_host=1)
    inside = await scene.enter("tired:80")
    waiting = [asyncio.create_task(scene.hosts.enter(at("tired:80"), room)) for _ in range(500)]
    await settle()

    scene.hosts.leave(inside, Evidence.ALIVE, 14)
    await settle()

    assert scene.hosts.waiting <= 2
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_what_a_host_does_to_one_vendor_is_not_held_against_it_by_another() -> None:
    scene = Scene(breaker_failures=2)
    await scene.fail("shared:80", 2)
    await scene.rest("tired:80", 600)

    assert await scene.visit("shared:80", Evidence.GOOD) is FetchReason.CIRCUIT_OPEN
    for name in ("shared:80", "tired:80"):
        scene.hosts.leave(let_in(await scene.hosts.enter(at(name, "other"), room)), Evidence.GOOD)
