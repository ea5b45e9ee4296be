# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest

from consumer.events import FetchReason
from consumer.images.hosts import Evidence
from tests.support.wait import settle
from tests.unit.images.hosts_scene import Scene, at, let_in, room


async def test_so_many_at_a_time_at_one_host_and_who_waits_there_holds_no_slot_of_the_process() -> None:
    scene = Scene(in_flight=8, in_flight_per_host=3)
    await scene.visit("other:80", Evidence.GOOD)
    await scene.visit("crowded:80", Evidence.GOOD)
    inside = [await scene.enter("crowded:80") for _ in range(3)]
    waiting = [asyncio.create_task(scene.hosts.enter(at("crowded:80"), room)) for _ in range(50)]
    await settle()

    assert (scene.hosts.in_flight, scene.hosts.waiting) == (3, 50)
    assert await scene.visit("other:80", Evidence.GOOD) is None

    for visit in inside:
        scene.hosts.leave(visit, Evidence.GOOD)
    for task in waiting:
        scene.hosts.leave(let_in(await task), Evidence.GOOD)
    assert (scene.hosts.in_flight, scene.hosts.waiting) == (0, 0)


async def test_hosts_that_never_gave_a_picture_leave_half_of_the_process_to_those_that_did() -> None:
    scene = Scene(in_flight=8, in_flight_per_host=8)
    await scene.visit("known:80", Evidence.GOOD)
    newcomers = [asyncio.create_task(scene.hosts.enter(at(f"invented-{number}:80"), room)) for number in range(100)]
    await settle()

    others = asyncio.create_task(scene.hosts.enter(at("invented:80", "other"), room))
    await settle()

    # A quarter for the one who invents, a quarter for others' new hosts.
    assert (scene.hosts.in_flight, scene.hosts.waiting) == (2 + 1, 98)
    known = [await scene.enter("known:80") for _ in range(4)]
    assert scene.hosts.in_flight == 7

    for visit in known:
        scene.hosts.leave(visit, Evidence.GOOD)
    for task in newcomers:
        task.cancel()
    await asyncio.gather(*newcomers, return_exceptions=True)
    for task in (*newcomers[:2], others):
        scene.hosts.leave(let_in(task.result()), Evidence.NONE)
    assert (scene.hosts.in_flight, scene.hosts.waiting) == (0, 0)


@pytest.mark.parametrize("evidence", [Evidence.ALIVE, Evidence.BAD, Evidence.NONE])
async def test_only_a_picture_makes_a_host_known(evidence: Evidence) -> None:
    scene = Scene(in_flight=2)
    await scene.visit("stranger:80", evidence)
    newcomer = await scene.enter("newcomer:80")

    stranger = asyncio.create_task(scene.hosts.enter(at("stranger:80"), room))
    await settle()

    assert not stranger.done()
    scene.hosts.leave(newcomer, Evidence.NONE)
    scene.hosts.leave(let_in(await stranger), Evidence.NONE)


async def test_who_waits_at_a_host_that_becomes_known_is_no_newcomer() -> None:
    """Else its whole crowd would wait behind the names that a vendor invents."""
    scene = Scene(in_flight=4, in_flight_per_host=1)
    first = await scene.enter("good:80")
    crowd = asyncio.create_task(scene.hosts.enter(at("good:80"), room))
    invented = [asyncio.create_task(scene.hosts.enter(at(f"{number}.invented:80"), room)) for number in range(3)]
    await settle()

    scene.hosts.leave(first, Evidence.GOOD)
    await settle()

    assert [task.done() for task in invented] == [True, False, False]
    assert crowd.done()
    scene.hosts.leave(let_in(await crowd), Evidence.GOOD)
    for task in invented:
        scene.hosts.leave(let_in(await task), Evidence.NONE)


@pytest.mark.parametrize("place", ["host", "newcomers", "process"])
async def test_who_is_cancelled_in_a_queue_gives_everything_back(place: str) -> None:
    scene = Scene(in_flight=8, in_flight_per_host=3)
    await scene.visit("known:80", Evidence.GOOD)
    await scene.visit("second:80", Evidence.GOOD)
    await scene.visit("third:80", Evidence.GOOD)
    holding = {
        "host": ["known:80"] * 3,
        "newcomers": ["a:80", "b:80"],
        "process": ["a:80", "b:80", *["second:80"] * 3, "third:80"],  # a vendor has 6 of 8
    }[place]
    visits = [await scene.enter(name) for name in holding]
    waiting = asyncio.create_task(scene.hosts.enter(at("c:80" if place == "newcomers" else "known:80"), room))
    await settle()
    assert scene.hosts.waiting == 1

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert (scene.hosts.in_flight, scene.hosts.waiting) == (len(visits), 0)
    for visit in visits:
        scene.hosts.leave(visit, Evidence.NONE)
    assert not any(host.users for host in scene.hosts._hosts.values())
    assert not any(host.gate.running for host in scene.hosts._hosts.values())


async def test_the_hosts_remembered_are_bounded_and_the_longest_unused_goes_first() -> None:
    scene = Scene(hosts_remembered=3)
    for name in ("a:80", "b:80", "c:80"):
        await scene.visit(name, Evidence.GOOD)
    await scene.visit("a:80", Evidence.GOOD)

    for number in range(50):
        await scene.visit("a:80", Evidence.GOOD)
        await scene.visit(f"invented-{number}:80", Evidence.BAD)

    assert len(scene.hosts._hosts) == 3
    assert list(scene.hosts._hosts)[-2:] == [at("a:80"), at("invented-49:80")]


async def test_a_host_in_use_is_never_forgotten() -> None:
    scene = Scene(hosts_remembered=2, breaker_failures=3, in_flight_per_host=2)
    visits = [await scene.enter("busy:80") for _ in range(2)]

    for number in range(20):
        await scene.visit(f"invented-{number}:80", Evidence.GOOD)
    third = asyncio.create_task(scene.hosts.enter(at("busy:80"), room))
    await settle()

    assert not third.done()  # its slots are still counted
    for visit in visits:
        scene.hosts.leave(visit, Evidence.BAD)
    scene.hosts.leave(let_in(await third), Evidence.BAD)
    assert await scene.visit("busy:80", Evidence.GOOD) is FetchReason.CIRCUIT_OPEN  # and its failures


async def test_a_host_that_has_become_slow_shares_the_half_of_those_that_never_gave_a_picture() -> None:
    scene = Scene(in_flight=8, in_flight_per_host=3, slow_host_s=1)
    await scene.visit("slow:80", Evidence.GOOD)
    others = [await scene.enter("newcomer:80") for _ in range(2)]
    inside = [await scene.enter("slow:80") for _ in range(2)]
    scene.clock.now_s += 4.5
    scene.hosts.leave(inside[0], Evidence.GOOD)

    waiting = asyncio.create_task(scene.hosts.enter(at("slow:80"), room))
    await settle()

    assert not waiting.done()  # though the process has slots
    assert (scene.hosts.in_flight, scene.hosts.waiting) == (3, 1)
    scene.hosts.leave(others[0], Evidence.ALIVE)
    for visit in (others[1], inside[1], let_in(await waiting)):
        scene.hosts.leave(visit, Evidence.NONE)
    assert (scene.hosts.in_flight, scene.hosts.waiting) == (0, 0)


async def test_what_a_body_waits_for_memory_of_ours_makes_no_host_slow() -> None:
    scene = Scene(in_flight_per_host=2, slow_host_s=1, fetch_timeout_s=15)
    visits = [await scene.enter("good:80") for _ in range(2)]
    scene.clock.now_s += 0.2
    with visits[0].paused(), visits[1].paused():
        scene.clock.now_s += 100
        crowd = [asyncio.create_task(scene.hosts.enter(at("good:80"), room)) for _ in range(500)]
        await settle()
    scene.clock.now_s += 0.2

    assert [visit.took_s for visit in visits] == [pytest.approx(0.4)] * 2
    for visit in visits:
        scene.hosts.leave(visit, Evidence.GOOD)
    for task in crowd:
        scene.hosts.leave(let_in(await task), Evidence.GOOD)


async def test_who_waits_for_memory_holds_a_slot_of_its_host_alone() -> None:
    scene = Scene(in_flight=4, in_flight_per_host=4)
    enough = asyncio.Event()

    class NotYet:
        is_there = False

        async def come(self) -> None:
            await enough.wait()

    greedy = [asyncio.create_task(scene.hosts.enter(at("good:80", "greedy"), NotYet())) for _ in range(4)]
    await settle()
    assert (scene.hosts.in_flight, scene.hosts.waiting) == (0, 4)

    scene.hosts.leave(await scene.enter("good:80"), Evidence.GOOD)
    enough.set()
    for task in greedy:
        scene.hosts.leave(let_in(await task), Evidence.GOOD)
    assert (scene.hosts.in_flight, scene.hosts.waiting) == (0, 0)


async def test_no_vendor_has_all_slots_of_the_process() -> None:
    scene = Scene(in_flight=4, in_flight_per_host=4)
    await scene.visit("good:80", Evidence.GOOD)
    crowd = [asyncio.create_task(scene.hosts.enter(at("good:80"), room)) for _ in range(4)]
    await settle()

    modest = let_in(await scene.hosts.enter(at("good:80", "modest"), room))

    assert [task.done() for task in crowd] == [True, True, True, False]
    scene.hosts.leave(modest, Evidence.GOOD)
    for task in crowd:
        scene.hosts.leave(let_in(await task), Evidence.GOOD)


async def test_of_those_who_come_to_a_silent_host_only_so_many_wait() -> None:
    scene = Scene(in_flight_per_host=8, slow_host_s=1, fetch_timeout_s=15)
    inside = [await scene.enter("silent:80") for _ in range(8)]
    waiting = [asyncio.create_task(scene.hosts.enter(at("silent:80"), room)) for _ in range(500)]
    await settle()
    scene.clock.now_s += 10

    assert await scene.visit("silent:80", Evidence.NONE) is FetchReason.TIMEOUT_TOTAL  # the last to come
    await settle()
    assert scene.hosts.waiting == 8 * 15 / 10
    turned_away = [task.result() for task in waiting if task.done()]
    assert set(turned_away) == {FetchReason.TIMEOUT_TOTAL}

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for visit in inside:
        scene.hosts.leave(visit, Evidence.NONE)
    assert (scene.hosts.in_flight, scene.hosts.waiting) == (0, 0)


async def test_a_host_that_comes_while_all_others_are_in_use_is_remembered_too() -> None:
    scene = Scene(hosts_remembered=1, in_flight_per_host=1)
    first = await scene.enter("a:80")
    second = await scene.enter("b:80")

    third = asyncio.create_task(scene.hosts.enter(at("b:80"), room))
    await settle()

    assert not third.done()  # two at a host that takes one at a time
    scene.hosts.leave(first, Evidence.NONE)
    scene.hosts.leave(second, Evidence.NONE)
    scene.hosts.leave(let_in(await third), Evidence.NONE)


async def test_what_was_in_use_at_once_is_forgotten_once_it_is_not() -> None:
    scene = Scene(hosts_remembered=2, in_flight=80)
    visits = [await scene.enter(f"invented-{number}:80") for number in range(20)]
    for visit in visits:
        scene.hosts.leave(visit, Evidence.NONE)

    await scene.visit("next:80", Evidence.GOOD)

    assert len(scene.hosts._hosts) == 2
