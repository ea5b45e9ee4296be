# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.images.memory import BodyMemory, Share
from tests.support.wait import settle


async def add(share: Share, size_bytes: int) -> None:
    """As a reader of a body does."""
    share.add(size_bytes)
    while not share.may_go_on:
        await share.freed()


async def test_below_the_limit_nobody_waits() -> None:
    memory = BodyMemory(100)
    with memory.share() as one, memory.share() as other:
        await add(one, 60)
        await add(other, 40)

        assert memory.taken_bytes == 100
    assert memory.taken_bytes == 0


async def test_over_the_limit_the_oldest_goes_on_and_the_others_wait_for_it() -> None:
    memory = BodyMemory(100)
    with memory.share() as oldest, memory.share() as other:
        await add(oldest, 60)
        waiting = asyncio.create_task(add(other, 60))
        await settle()
        assert not waiting.done()

        await add(oldest, 500)  # more than all there is: one body always gets through
        assert not waiting.done()
        oldest.empty()
        await waiting

        assert memory.taken_bytes == 60
    assert memory.taken_bytes == 0


async def test_when_the_oldest_is_gone_the_next_one_is() -> None:
    memory = BodyMemory(100)
    first, second, third = (memory.share() for _ in range(3))
    await add(first, 90)
    waiting = {share: asyncio.create_task(add(share, 200)) for share in (second, third)}
    await settle()

    first.empty()
    await settle()
    assert waiting[second].done()
    assert not waiting[third].done()
    second.empty()
    await waiting[third]
    third.empty()

    assert memory.taken_bytes == 0


async def test_who_begins_anew_is_the_youngest() -> None:
    memory = BodyMemory(100)
    first, second = memory.share(), memory.share()
    await add(first, 60)
    await add(second, 10)
    first.empty()  # a retry: what came before is gone

    waiting = asyncio.create_task(add(first, 200))
    await settle()
    assert not waiting.done()
    await add(second, 10)
    second.empty()
    await waiting
    first.empty()

    assert memory.taken_bytes == 0


async def test_who_is_cancelled_while_it_waits_gives_back_what_it_held() -> None:
    memory = BodyMemory(100)

    async def load() -> None:
        with memory.share() as share:
            await add(share, 90)

    with memory.share() as oldest:
        await add(oldest, 90)
        loading = asyncio.create_task(load())
        await settle()
        assert memory.taken_bytes == 180

        loading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loading

        assert memory.taken_bytes == 90
    assert memory.taken_bytes == 0


async def test_an_empty_share_can_be_emptied() -> None:
    memory = BodyMemory(100)
    with memory.share() as share:
        share.empty()
        await add(share, 0)
        share.empty()

    assert memory.taken_bytes == 0


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.integers(0, 60), max_size=8)), max_size=8),
    st.integers(1, 100),
    st.sampled_from([None, 1, 25, 50]),
    st.sampled_from([0, 1, 33]),
)
def test_all_bodies_get_through_and_what_is_held_is_bounded(
    bodies: list[tuple[str, list[int]]], limit: int, per_owner: int | None, for_little: int
) -> None:
    asyncio.run(load_all(bodies, BodyMemory(limit + for_little, per_owner, for_little), limit + for_little))


async def load_all(bodies: list[tuple[str, list[int]]], memory: BodyMemory, limit: int) -> None:
    most = 0

    async def load(owner: str, chunks: list[int]) -> None:
        nonlocal most
        with memory.share(owner) as share:
            await share.come()
            for chunk in chunks:
                await add(share, chunk)
                most = max(most, memory.taken_bytes)
                await asyncio.sleep(0)
            share.whole()
            await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await asyncio.gather(*(load(*body) for body in bodies))
    assert (memory.taken_bytes, memory._holders) == (0, 0)
    sizes = [chunks for _, chunks in bodies]
    # The limit, what the oldest has beyond it, and of everybody else the chunk that had come before it stopped.
    assert most <= limit + max(map(sum, sizes), default=0) + sum(max(chunks, default=0) for chunks in sizes)


async def test_one_owner_never_fills_the_memory_of_all() -> None:
    memory = BodyMemory(1_000, per_owner_bytes=250)
    with memory.share("greedy") as oldest, memory.share("greedy") as second, memory.share("modest") as modest:
        await add(oldest, 200)
        blocked = asyncio.create_task(add(second, 100))
        await settle()

        assert not blocked.done()
        await asyncio.wait_for(add(modest, 250), 10)
        await asyncio.wait_for(add(oldest, 400), 10)  # of its owner the oldest goes on
        assert memory.taken_bytes == 950
        oldest.empty()
        await asyncio.wait_for(blocked, 10)

    assert memory.taken_bytes == 0


async def test_over_the_limit_of_all_only_the_oldest_of_all_goes_on() -> None:
    memory = BodyMemory(1_000, per_owner_bytes=600)
    with memory.share("a") as first, memory.share("b") as second:
        await add(first, 600)
        blocked = asyncio.create_task(add(second, 500))
        await settle()

        assert not blocked.done()
        await asyncio.wait_for(add(first, 100), 10)
        first.empty()
        await asyncio.wait_for(blocked, 10)


async def test_a_body_begins_when_there_is_room_for_a_first_byte() -> None:
    memory = BodyMemory(100, per_owner_bytes=50)
    greedy, next_of_greedy, modest = memory.share("greedy"), memory.share("greedy"), memory.share("modest")
    await next_of_greedy.come()
    await add(greedy, 51)
    greedy.whole()
    await modest.come()
    waiting = asyncio.create_task(next_of_greedy.come())
    await settle()
    assert not waiting.done()

    greedy.empty()

    await asyncio.wait_for(waiting, 10)


async def test_what_hosts_hold_is_not_waited_for_before_a_first_byte() -> None:
    """They may drip: whoever asked in vain meets the patience of the queues behind."""
    memory = BodyMemory(100, per_owner_bytes=50)
    dripping, decoding, late = (memory.share("acme") for _ in range(3))
    await add(decoding, 20)
    decoding.whole()
    dripping.add(40)

    assert not late.is_there
    assert not late.waits_for_us
    await asyncio.wait_for(late.come(), 10)
    dripping.whole()
    assert late.waits_for_us
    dripping.empty()
    assert late.is_there
    decoding.empty()
    assert memory.taken_bytes == 0


async def test_who_holds_little_goes_on_whoever_holds_the_rest() -> None:
    """Four vendors that send a quarter each and then drip held everybody else up until their deadlines."""
    memory = BodyMemory(1_200, per_owner_bytes=300, for_little_bytes=400)
    dripping = [memory.share(f"hostile {number}") for number in range(4)]
    for share in dripping:
        await asyncio.wait_for(add(share, 200), 10)
    late = [asyncio.create_task(add(share, 50)) for share in dripping]
    await settle()
    assert [task.done() for task in late] == [True, False, False, False]  # the oldest of all goes on

    with memory.share("honest") as honest, memory.share("honest") as large:
        assert honest.is_there
        await asyncio.wait_for(add(honest, 50), 10)
        await asyncio.wait_for(add(honest, 30), 10)  # 80 of 400 for each of the five
        waiting = asyncio.create_task(add(large, 1))
        await settle()
        assert not waiting.done()
        honest.empty()
        await asyncio.wait_for(waiting, 10)

    for share in dripping:
        share.empty()
    await asyncio.wait_for(asyncio.gather(*late), 10)
    assert memory.taken_bytes == 0


@given(st.integers(1, 60), st.integers(1, 9))
def test_all_who_hold_little_together_stay_within_the_limit(owners: int, piece_bytes: int) -> None:
    """They come one after the other, and the part of the first was that of a few."""
    memory = BodyMemory(300, per_owner_bytes=100, for_little_bytes=120)
    shares = [memory.share(str(owner)) for owner in range(owners)]
    for share in shares:
        while share.is_there and memory.taken_bytes < 1_000:
            share.add(piece_bytes)

    assert memory.taken_bytes <= 300 + piece_bytes
    for share in shares:
        share.empty()
    assert (memory.taken_bytes, memory._holders) == (0, 0)


async def test_who_waits_for_hosts_hears_at_once_that_now_it_is_for_us() -> None:
    """Else its deadline goes on although it waits for our decode."""
    memory = BodyMemory(100)
    coming, late = memory.share("acme"), memory.share("other")
    coming.add(90)
    late.add(20)
    assert not late.waits_for_us
    waiting = asyncio.create_task(late.freed())
    await settle()

    coming.whole()

    await asyncio.wait_for(waiting, 10)
    assert late.waits_for_us
