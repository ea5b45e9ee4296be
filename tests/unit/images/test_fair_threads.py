# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

from consumer.images.fair_threads import TurnedAwayError
from consumer.images.gate import Patience
from tests.support.wait import until
from tests.unit.images.fair_threads_scene import LIMIT_S, PATIENCE, Blocked, fates, scene


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
