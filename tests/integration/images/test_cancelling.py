# SPDX-License-Identifier: Apache-2.0
"""Whoever goes away, early or late, leaves nothing behind; and those who wait for the same picture get it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from consumer.events import FetchReason
from consumer.images.decode_pool import DecodePool
from consumer.images.loading import Loaded, Loader
from consumer.images.memory import BodyMemory
from tests.integration.images.hosts import (
    IMAGE,
    MIB,
    PUBLIC,
    SILENCE,
    Script,
    World,
    redirect,
    response,
    when_told,
    world,
)
from tests.support.wait import until
from tests.unit.images.drawn import jpeg, shirt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

JPEG = jpeg(shirt(120, 160))
NAMES = {"shop.example": [PUBLIC], "slow.example": []}


def half(asked: asyncio.Event) -> Script:
    """A head and half a body, then silence."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(response(bytes(50_000), IMAGE, length=100_000))
        await writer.drain()
        asked.set()

    return script


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    "when",
    ["name", "handshake", "head", "body", "second hop", "queue of the host", "queue of all", "rest", "room", "memory"],
)
async def test_a_fetch_that_is_cancelled_gives_everything_back(when: str) -> None:
    memory, half_way = BodyMemory(40_000), asyncio.Event()
    async with world(NAMES, in_flight_per_host=1, in_flight=2, fetch_timeout_s=15, read_timeout_s=15) as web:
        web.public.answers = {
            "/silent.jpg": [SILENCE],
            "/half.jpg": [half(half_way)],
            "/hop.jpg": [redirect("/silent.jpg")],
            "/tired.jpg": [response(b"", "Retry-After: 5", status=429)],
        }
        hosts, share = web.fetcher._hosts, memory.share()
        blocker = asyncio.create_task(web.get(web.url("/silent.jpg"))) if when.startswith("queue") else None
        if blocker:
            await until(lambda: web.public.requests)
        oldest = memory.share()
        if when in {"memory", "room"}:
            oldest.add(40_000 if when == "memory" else 40_001)
            oldest.whole()
        url, reached = {
            "name": (web.url("/a.jpg", "slow.example"), lambda: hosts.in_flight),
            "handshake": (f"https://{PUBLIC}:{web.public.port}/a.jpg", lambda: web.public.open_connections),
            "head": (web.url("/silent.jpg"), lambda: web.public.requests),
            "body": (web.url("/half.jpg"), lambda: memory.taken_bytes),
            "second hop": (web.url("/hop.jpg"), lambda: len(web.public.requests) == 2),
            "queue of the host": (web.url("/silent.jpg"), lambda: hosts.waiting),
            "queue of all": (web.url("/silent.jpg", "shop.example"), lambda: hosts.waiting),
            "rest": (web.url("/tired.jpg"), lambda: web.public.requests and hosts.waiting),
            "room": (web.url("/half.jpg"), lambda: hosts.waiting),
            "memory": (web.url("/half.jpg"), lambda: memory.taken_bytes > 40_000),
        }[when]

        async def fetch() -> None:
            with share:
                await web.fetcher.fetch(url, "acme", share)

        fetching = asyncio.create_task(fetch())
        await until(reached)
        await cancel(fetching)

        oldest.empty()
        if blocker:
            assert (hosts.in_flight, hosts.waiting) == (1, 0)
            await cancel(blocker)
        assert (hosts.in_flight, hosts.waiting, memory.taken_bytes) == (0, 0, 0)
        answered = when == "rest"  # and so the connection may be kept
        await until(lambda: web.public.open_connections == int(answered))


async def test_when_the_fetcher_is_closed_what_still_runs_is_cut_off() -> None:
    async with world(retries=0) as web:
        web.public.answers["/a.jpg"] = [SILENCE]
        fetching = asyncio.create_task(web.get(web.url("/a.jpg")))
        await until(lambda: web.public.requests)

        await web.fetcher.close()

        assert await asyncio.wait_for(fetching, 10) in {"connect", "incomplete"}
        await until(lambda: not web.public.open_connections)


@contextlib.asynccontextmanager
async def loader(body_bytes: int = 10 * MIB, **settings: Any) -> AsyncIterator[tuple[World, Loader]]:
    """With a pool of its own; when it ends all bytes must have been given back."""
    async with world(None, **settings) as web:
        pool = DecodePool(web.settings, web.metrics)
        loads = Loader(web.fetcher, pool, body_bytes, 64)
        try:
            yield web, loads
            assert loads._memory.taken_bytes == 0
            assert not loads._running._running
        finally:
            pool.close()


async def asking(web: World, loads: Loader, count: int) -> list[asyncio.Task[Loaded]]:
    """So many who want the same picture, one of whom has asked for it."""
    tasks = [asyncio.create_task(loads.load(web.url("/a.jpg"), "acme")) for _ in range(count)]
    await until(lambda: web.public.requests)
    return tasks


async def test_products_that_name_one_picture_at_the_same_time_share_it() -> None:
    go_on = asyncio.Event()
    async with loader() as (web, loads):
        web.public.answers["/a.jpg"] = [when_told(go_on, response(JPEG, IMAGE))]
        tasks = await asking(web, loads, 20)
        go_on.set()

        loaded = await asyncio.gather(*tasks)

        assert len({id(one) for one in loaded}) == 1
        assert loaded[0].content_hash is not None
        assert len(web.public.requests) == 1


async def test_they_share_a_failure_too() -> None:
    go_on = asyncio.Event()
    async with loader(retries=0) as (web, loads):
        web.public.answers["/a.jpg"] = [when_told(go_on, response(status=404))]
        tasks = await asking(web, loads, 5)
        go_on.set()

        assert [one.views for one in await asyncio.gather(*tasks)] == [FetchReason.STATUS_4XX] * 5
        assert len(web.public.requests) == 1


async def test_where_the_one_who_asked_goes_away_one_of_those_who_wait_asks_again() -> None:
    async with loader() as (web, loads):
        web.public.answers["/a.jpg"] = [SILENCE, SILENCE, response(JPEG, IMAGE)]
        first, second, *others = await asking(web, loads, 6)

        await cancel(first)
        await until(lambda: len(web.public.requests) == 2)
        await cancel(second)

        loaded = await asyncio.gather(*others)
        assert all(one.content_hash is not None for one in loaded)
        assert len(web.public.requests) == 3


async def test_where_all_go_away_nothing_is_left() -> None:
    async with loader() as (web, loads):
        web.public.answers["/a.jpg"] = [SILENCE]
        for task in reversed(await asking(web, loads, 6)):
            await cancel(task)
        await until(lambda: not web.public.open_connections)
        assert len(web.public.requests) == 1


async def test_two_vendors_do_not_share_for_one_may_not_have_it() -> None:
    go_on = asyncio.Event()
    async with loader(denied_hosts={"globex": (PUBLIC,)}) as (web, loads):
        web.public.answers["/a.jpg"] = [when_told(go_on, response(JPEG, IMAGE))]
        (acme,) = await asking(web, loads, 1)

        globex = await loads.load(web.url("/a.jpg"), "globex")
        go_on.set()

        assert globex.views is FetchReason.HOST_NOT_ALLOWED
        assert (await acme).content_hash is not None


async def test_more_bodies_than_there_is_memory_for_get_through_one_after_the_other() -> None:
    async with loader(body_bytes=len(JPEG) // 2) as (web, loads):
        web.public.answers = {f"/{number}.jpg": [response(JPEG, IMAGE)] for number in range(20)}

        loaded = await asyncio.gather(*(loads.load(web.url(f"/{number}.jpg"), "acme") for number in range(20)))

        assert all(one.content_hash is not None for one in loaded)


async def test_when_the_fetcher_is_closed_nobody_tries_again() -> None:
    async with world(retries=1) as web:
        web.public.answers["/a.jpg"] = [SILENCE]
        fetching = asyncio.create_task(web.get(web.url("/a.jpg")))
        await until(lambda: web.public.requests)

        await web.fetcher.close()

        assert await asyncio.wait_for(fetching, 10) in {"connect", "incomplete"}
