# SPDX-License-Identifier: Apache-2.0
"""Bodies of many fetches in one memory: who waits for whom, and what that costs."""

from __future__ import annotations

import asyncio
import time

import pytest

from consumer.images.memory import BodyMemory
from tests.integration.images.hosts import IMAGE, SILENCE, Answer, World, redirect, response, then_close, world
from tests.support.punctual import ends_at
from tests.support.wait import until

LIMIT_S = 1.0


def in_two(answer: bytes, go_on: asyncio.Event) -> Answer:
    """All but the last byte, and that one when told."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(answer[:-1])
        await go_on.wait()
        writer.write(answer[-1:])

    return script


async def fill(web: World, memory: BodyMemory, path: str) -> str:
    """The reason why a body did not come."""
    with memory.share() as share:
        result = await web.fetcher.fetch(web.url(path), "acme", share)
        return getattr(result, "reason", "ok")


async def test_bodies_that_together_are_too_much_come_one_after_the_other() -> None:
    memory, body = BodyMemory(100_000), bytes(90_000)
    async with world() as web:
        web.public.answers = {f"/{number}.jpg": [response(body, IMAGE)] for number in range(8)}

        assert await asyncio.gather(*(fill(web, memory, f"/{number}.jpg") for number in range(8))) == ["ok"] * 8
    assert memory.taken_bytes == 0


async def test_what_a_try_has_taken_is_given_back_before_the_next() -> None:
    memory, body = BodyMemory(100_000), bytes(90_000)
    async with world() as web:
        cut = then_close(response(body, IMAGE, length=95_000))
        web.public.answers = {"/a.jpg": [cut, redirect("/b.jpg")], "/b.jpg": [response(body, IMAGE)]}

        with memory.share() as share:
            await web.fetcher.fetch(web.url("/a.jpg"), "acme", share)
            assert memory.taken_bytes == len(body)
        assert web.public.paths() == ["/a.jpg", "/a.jpg", "/b.jpg"]


@pytest.mark.parametrize("held_bytes", [90_000, 110_000], ids=["within the body", "before the request"])
async def test_waiting_for_a_decode_of_ours_costs_neither_the_image_its_deadline_nor_the_host_its_name(
    held_bytes: int,
) -> None:
    memory = BodyMemory(100_000)
    async with world(fetch_timeout_s=LIMIT_S, slow_host_s=LIMIT_S, in_flight_per_host=2) as web:
        go_on = asyncio.Event()
        web.public.answers = {"/a.jpg": [in_two(response(bytes(90_000), IMAGE), go_on)], "/silent.jpg": [SILENCE]}
        with memory.share() as oldest:
            oldest.add(held_bytes)
            oldest.whole()
            filling = asyncio.create_task(fill(web, memory, "/a.jpg"))
            await until(lambda: memory.taken_bytes > 100_000)
            started_s = time.monotonic()
            await until(lambda: time.monotonic() > started_s + 2 * LIMIT_S)
            assert not filling.done()
            silent = asyncio.create_task(web.get(web.url("/silent.jpg")))  # keeps the gate from starting anew
            await until(lambda: "/silent.jpg" in web.public.paths())
            go_on.set()

        assert await asyncio.wait_for(filling, 10) == "ok"
        assert not any(host.gate.is_slow for host in web.fetcher._hosts._hosts.values())
        assert await silent == "timeout_total"
    assert memory.taken_bytes == 0


@pytest.mark.image_rule(7)
async def test_who_waits_for_memory_that_a_host_holds_ends_at_the_deadline_and_that_says_nothing_of_its_own_host() -> (
    None
):
    memory = BodyMemory(100_000)
    async with world(fetch_timeout_s=LIMIT_S, breaker_failures=1) as web:
        web.public.answers["/a.jpg"] = [response(bytes(90_000), IMAGE, length=90_001)]
        with memory.share() as dripping:
            dripping.add(90_000)
            async with ends_at(LIMIT_S):
                assert await asyncio.wait_for(fill(web, memory, "/a.jpg"), 10) == "timeout_total"
        assert web.fetcher._hosts.open == 0
    assert memory.taken_bytes == 0


async def test_what_little_a_wait_for_memory_left_over_is_no_fair_trial_of_the_host() -> None:
    memory, loop = BodyMemory(100_000), asyncio.get_running_loop()
    async with world(fetch_timeout_s=LIMIT_S, breaker_failures=1) as web:
        web.public.answers["/a.jpg"] = [response(bytes(90_000), IMAGE, length=90_001)]
        with memory.share() as dripping:
            dripping.add(90_000)
            filling = asyncio.create_task(fill(web, memory, "/a.jpg"))
            await until(lambda: memory.taken_bytes > 100_000)
            loop.call_later(0.8 * LIMIT_S, dripping.empty)

            assert await asyncio.wait_for(filling, 10) == "timeout_total"
        assert web.fetcher._hosts.open == 0
    assert memory.taken_bytes == 0
