# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.images.gate import Gate, Patience
from tests.support.clock import Clock

SLOTS = 8
PATIENCE = Patience(slow_s=1, wait_s=15)


async def settle() -> None:
    """Let every task go on until it waits."""
    for _ in range(4):
        await asyncio.sleep(0)


@dataclass
class Shop:
    """A gate, and a host behind it that takes so long for each visitor."""

    takes_s: float
    clock: Clock = field(default_factory=Clock)
    waited_s: dict[int, float] = field(default_factory=dict)
    """Of those who got in, by number."""
    turned_away: dict[int, float] = field(default_factory=dict)
    """After so many seconds, by number."""

    def __post_init__(self) -> None:
        self.gate = Gate(SLOTS, PATIENCE, self.clock)
        self._inside: list[tuple[float, float]] = []
        """When each will leave, and when it began."""
        self._visits: list[asyncio.Task[None]] = []

    async def come(self, number: int) -> None:
        """One more visitor."""
        self._visits.append(asyncio.create_task(self._visit(number)))

    async def pass_time(self, seconds: float) -> None:
        """Serve for so long."""
        until_s = self.clock.now_s + seconds
        await settle()
        while self._inside and self._inside[0][0] <= until_s:
            self.clock.now_s, begun_s = heapq.heappop(self._inside)
            self.gate.leave(begun_s)
            await settle()
        self.clock.now_s = until_s

    async def close(self) -> None:
        """Send those home who still wait."""
        self.gate.turn_all_away()
        await asyncio.gather(*self._visits)

    async def _visit(self, number: int) -> None:
        came_s = self.clock.now_s
        if await self.gate.enter():
            self.waited_s[number] = self.clock.now_s - came_s
            self.gate.begin(self.clock.now_s)
            heapq.heappush(self._inside, (self.clock.now_s + self.takes_s, self.clock.now_s))
        else:
            self.turned_away[number] = self.clock.now_s - came_s


async def burst(visitors: int, takes_s: float, seconds: float) -> Shop:
    """A shop to which all come at once, after so long."""
    shop = Shop(takes_s)
    for number in range(visitors):
        await shop.come(number)
    await shop.pass_time(seconds)
    await shop.close()
    return shop


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
