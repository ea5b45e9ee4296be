# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.images.gate import Gate
from tests.support.clock import Clock
from tests.support.wait import settle
from tests.unit.images.gate_scene import PATIENCE


async def test_who_waits_is_let_in_in_the_order_of_arrival() -> None:
    gate = Gate(1, PATIENCE, Clock())
    order: list[str] = []

    async def visit(name: str) -> None:
        assert await gate.enter()
        order.append(name)

    visits = [asyncio.create_task(visit(name)) for name in "abc"]
    await settle()
    assert (order, gate.running, gate.waiting) == (["a"], 1, 2)
    for _ in visits:
        gate.leave(None)
        await settle()

    assert (order, gate.running, gate.waiting) == (["a", "b", "c"], 0, 0)


async def test_who_goes_away_leaves_no_gap_in_the_queue() -> None:
    gate = Gate(1, PATIENCE, Clock())
    assert await gate.enter()
    first, second = asyncio.create_task(gate.enter()), asyncio.create_task(gate.enter())
    await settle()

    first.cancel()
    await settle()
    assert gate.waiting == 1
    gate.leave(None)

    assert await second
    assert (gate.running, gate.waiting) == (1, 0)


@pytest.mark.parametrize("waits_another", [True, False])
async def test_a_slot_that_comes_in_the_moment_of_the_cancellation_is_passed_on(*, waits_another: bool) -> None:
    gate = Gate(1, PATIENCE, Clock())
    assert await gate.enter()
    first = asyncio.create_task(gate.enter())
    await settle()
    second = asyncio.create_task(gate.enter()) if waits_another else None
    await settle()

    gate.leave(None)
    first.cancel()
    await settle()

    assert first.cancelled()
    assert second is None or (second.done() and second.result())
    assert gate.running == int(waits_another)


async def test_a_slot_passes_over_one_who_was_cancelled_and_does_not_know_it_yet() -> None:
    gate = Gate(1, PATIENCE, Clock())
    assert await gate.enter()
    first, second = asyncio.create_task(gate.enter()), asyncio.create_task(gate.enter())
    await settle()

    first.cancel()
    gate.leave(None)

    assert await second
    assert first.cancelled()
    assert (gate.running, gate.waiting) == (1, 0)


async def test_all_can_be_turned_away_and_the_gate_goes_on() -> None:
    gate = Gate(1, PATIENCE, Clock())
    assert await gate.enter()
    waiting = [asyncio.create_task(gate.enter()) for _ in range(3)]
    await settle()
    waiting[0].cancel()

    gate.turn_all_away()

    assert await asyncio.gather(*waiting[1:]) == [False, False]
    gate.leave(None)
    assert await gate.enter()


async def test_who_is_turned_away_in_the_moment_of_the_cancellation_takes_no_slot_along() -> None:
    gate = Gate(1, PATIENCE, Clock())
    assert await gate.enter()
    waiting = asyncio.create_task(gate.enter())
    await settle()

    gate.turn_all_away()
    waiting.cancel()
    await settle()

    assert waiting.cancelled()
    assert gate.running == 1


@given(st.lists(st.sampled_from(["enter", "enter", "leave", "cancel", "leave and cancel", "wait", "all away"])))
def test_no_slot_is_ever_lost_or_made(actions: list[str]) -> None:
    asyncio.run(play(actions))


async def play(actions: list[str]) -> None:
    clock = Clock()
    gate = Gate(2, PATIENCE, clock)
    visits: list[asyncio.Task[bool]] = []

    def inside() -> list[asyncio.Task[bool]]:
        return [visit for visit in visits if visit.done() and not visit.cancelled() and visit.result()]

    for action in actions:
        if action == "enter":
            visits.append(asyncio.create_task(gate.enter()))
        if action.startswith("leave") and inside():
            visits.remove(inside()[0])
            gate.leave(None)
        if action.endswith("cancel") and (waiting := [visit for visit in visits if not visit.done()]):
            waiting[0].cancel()
        if action == "all away":
            gate.turn_all_away()
        if action == "wait":
            clock.now_s += 3
        await settle()
        assert gate.running == len(inside()) <= 2
        assert gate.waiting == sum(not visit.done() for visit in visits)
    gate.turn_all_away()
    await settle()
    for _ in inside():
        gate.leave(None)
    assert (gate.running, gate.waiting) == (0, 0)


async def test_owners_who_wait_get_slots_in_turn() -> None:
    gate = Gate(1, None, Clock())
    order: list[str] = []
    assert await gate.enter("first")

    async def visit(owner: str) -> None:
        assert await gate.enter(owner)
        order.append(owner)
        gate.leave(None, owner)

    visits = [asyncio.create_task(visit(owner)) for owner in ("a", "a", "a", "a", "b", "c")]
    await settle()
    gate.leave(None, "first")
    await asyncio.gather(*visits)

    assert order == ["a", "b", "c", "a", "a", "a"]
    assert (gate.running, gate.waiting) == (0, 0)


async def test_no_owner_has_more_than_its_part() -> None:
    gate = Gate(4, None, Clock(), per_owner=2)
    greedy = [asyncio.create_task(gate.enter("greedy")) for _ in range(10)]
    await settle()

    assert (gate.running, gate.waiting) == (2, 8)
    assert await gate.enter("modest")
    gate.leave(None, "greedy")
    await settle()
    assert (gate.running, gate.waiting) == (3, 7)

    gate.turn_all_away()
    assert (await asyncio.gather(*greedy)).count(True) == 3


async def test_the_one_with_most_waiting_makes_room_for_another() -> None:
    clock = Clock()
    gate = Gate(1, PATIENCE, clock)
    assert await gate.enter("greedy")
    gate.begin(clock.now_s)
    greedy = [asyncio.create_task(gate.enter("greedy")) for _ in range(100)]
    await settle()
    clock.now_s += 3  # slow: five may wait

    modest = asyncio.create_task(gate.enter("modest"))
    await settle()

    assert gate.waiting == 5
    assert not modest.done()
    assert sum(task.done() for task in greedy) == 96
    assert not await gate.enter("greedy")
    gate.turn_all_away()
    await asyncio.gather(modest, *greedy)
