# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest

from consumer.images.gate import Gate
from tests.support.clock import Clock
from tests.support.wait import settle
from tests.unit.images.gate_scene import PATIENCE, SLOTS, Shop, burst


@pytest.mark.parametrize("takes_s", [0.02, 0.3, 1.0])
async def test_a_burst_at_a_quick_host_is_served_whole_and_in_order_however_long_that_takes(takes_s: float) -> None:
    shop = await burst(2_000, takes_s, seconds=300)

    assert list(shop.waited_s) == list(range(2_000))
    assert max(shop.waited_s.values()) == pytest.approx(2_000 / SLOTS * takes_s, abs=2 * takes_s)


async def test_of_a_burst_at_a_slow_host_those_stay_who_need_not_wait_for_longer_than_the_patience() -> None:
    shop = await burst(6_000, takes_s=4.5, seconds=300)

    served = len(shop.waited_s)
    assert list(shop.waited_s) == list(range(served))  # the last come were turned away
    assert max(shop.waited_s.values()) <= 2 * PATIENCE.wait_s
    assert served >= SLOTS * PATIENCE.wait_s / shop.takes_s
    assert max(shop.turned_away.values()) <= 2 * shop.takes_s  # as soon as it was seen


async def test_a_slow_host_that_is_always_asked_for_too_much_is_always_busy_and_nobody_waits_for_too_long() -> None:
    shop = Shop(takes_s=4.5)
    for number in range(6_000):
        await shop.come(number)
        await shop.pass_time(0.1)

    assert max(shop.waited_s.values()) <= 2 * PATIENCE.wait_s
    assert len(shop.waited_s) >= SLOTS * int(600 / shop.takes_s)
    assert max(shop.turned_away.values()) <= 2 * shop.takes_s  # early, not after a wait in vain
    assert shop.gate.is_slow
    await shop.close()


async def test_the_queue_at_a_silent_host_shrinks_by_the_second() -> None:
    shop = Shop(takes_s=1e9)
    lengths = []
    for number in range(2_000):
        await shop.come(number)
        await shop.pass_time(0.01)
        lengths.append(shop.gate.waiting)
    assert lengths[90] > SLOTS  # nothing is known of the first second
    assert lengths[1_000] <= SLOTS * PATIENCE.wait_s / 9.9
    assert lengths[-1] <= SLOTS * PATIENCE.wait_s / 19.9
    assert lengths[-1] > 0
    await shop.close()

    assert list(shop.waited_s) == list(range(SLOTS))


async def test_a_host_that_becomes_slow_is_judged_by_its_last_round() -> None:
    shop = Shop(takes_s=0.02)
    for number in range(20_000):
        await shop.come(number)
    await shop.pass_time(1)
    assert not shop.gate.is_slow
    shop.takes_s = 4.5
    was_quick = len(shop.waited_s)
    await shop.pass_time(3 * shop.takes_s)

    assert shop.gate.is_slow
    assert shop.gate.waiting <= SLOTS * PATIENCE.wait_s / (shop.takes_s / 2)
    await shop.close()
    assert len(shop.waited_s) - was_quick == 3 * SLOTS


async def test_one_straggler_does_not_make_a_host_slow() -> None:
    shop = Shop(takes_s=9.0)
    await shop.come(0)
    shop.takes_s = 0.02
    for number in range(1, 3_000):
        await shop.come(number)
    await shop.pass_time(9)

    assert len(shop.waited_s) == 3_000
    assert not shop.turned_away
    await shop.close()


async def test_a_crowd_that_is_gone_says_nothing_of_the_next() -> None:
    shop = Shop(takes_s=4.5)
    for number in range(20):
        await shop.come(number)
    await shop.pass_time(1_000)
    shop.takes_s = 0.02
    for number in range(20, 1_020):
        await shop.come(number)
    await shop.pass_time(10)
    await shop.close()

    assert len(shop.waited_s) == 1_020


async def test_without_patience_nobody_is_turned_away() -> None:
    clock = Clock()
    gate = Gate(1, None, clock)
    assert await gate.enter()
    gate.begin(clock.now_s)
    visits = [asyncio.create_task(gate.enter()) for _ in range(100)]
    await settle()

    clock.now_s += 1_000
    visits.append(asyncio.create_task(gate.enter()))
    await settle()

    assert (gate.waiting, gate.is_slow) == (101, False)
    gate.turn_all_away()
    assert await asyncio.gather(*visits) == [False] * 101


async def test_a_pause_keeps_everybody_out_until_it_is_over() -> None:
    gate = Gate(2, None)
    assert await gate.enter()
    assert await gate.enter()

    gate.leave(None, pause_s=0.1)
    gate.leave(None, pause_s=0.05)
    waiting = [asyncio.create_task(gate.enter()) for _ in range(2)]
    await settle()
    assert (gate.running, gate.waiting) == (0, 2)

    assert await asyncio.wait_for(asyncio.gather(*waiting), 10) == [True, True]
