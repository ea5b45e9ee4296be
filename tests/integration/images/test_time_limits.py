# SPDX-License-Identifier: Apache-2.0
"""Time: whatever a host does, a fetch ends at its limits."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.images.hosts import BODY, IMAGE, SILENCE, Answer, chunked, drip, full_listener, response, world
from tests.support.punctual import ends_at
from tests.support.wait import until

LIMIT_S = 1.0


@pytest.mark.image_rule(7)
@pytest.mark.parametrize(
    "answer",
    [
        SILENCE,
        b"HTTP/1.1 200 OK\r\nContent-Ty",
        response(BODY, IMAGE, length=len(BODY) + 1),
        chunked(BODY)[:-5],
        b"\r\n",
    ],
    ids=["at once", "in the head", "in the body", "before the last chunk", "after a blank line"],
)
async def test_silence_ends_at_the_read_limit(answer: Answer) -> None:
    async with world(read_timeout_s=LIMIT_S, fetch_timeout_s=10, retries=0) as web:
        async with ends_at(LIMIT_S):
            assert await web.fetch(answer) == "timeout_read"
        await until(lambda: not web.public.open_connections)


async def test_silence_is_worth_another_try() -> None:
    async with world(read_timeout_s=0.2) as web:
        assert await web.fetch(SILENCE) == "timeout_read"
        assert len(web.public.requests) == 2


@pytest.mark.image_rule(7)
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 1000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100,
        response(b"", IMAGE, length=10_000),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 1000,
    ],
    ids=["one header", "many headers", "the body", "chunks", "a chunk's length"],
)
async def test_a_drip_ends_at_the_deadline(answer: bytes) -> None:
    async with world(fetch_timeout_s=LIMIT_S, read_timeout_s=0.9) as web:
        async with ends_at(LIMIT_S):
            assert await web.fetch(drip(answer, 0.02)) == "timeout_total"
        assert len(web.public.requests) == 1
        await until(lambda: not web.public.open_connections)


@pytest.mark.image_rule(7)
async def test_retries_and_their_silence_share_one_deadline() -> None:
    async with world(fetch_timeout_s=LIMIT_S, read_timeout_s=0.7, retries=3) as web:
        async with ends_at(LIMIT_S):
            assert await web.fetch(SILENCE) == "timeout_total"
        assert len(web.public.requests) == 2


@pytest.mark.image_rule(7)
async def test_silence_counts_against_a_host_where_the_deadline_comes_before_the_read_limit() -> None:
    async with world(fetch_timeout_s=0.3, breaker_failures=1) as web:  # the read limit's default is 5 s
        assert await web.fetch(SILENCE) == "timeout_total"
        assert await web.fetch(SILENCE) == "circuit_open"


@pytest.mark.image_rule(7)
async def test_silence_after_a_promise_ends_at_the_deadline() -> None:
    """aiohttp's read limit stops at the end of any head, that of an interim answer too."""
    async with world(fetch_timeout_s=LIMIT_S, read_timeout_s=0.3) as web:
        async with ends_at(LIMIT_S):
            assert await web.fetch(b"HTTP/1.1 100 Continue\r\n\r\n") == "timeout_total"
        await until(lambda: not web.public.open_connections)


@pytest.mark.image_rule(7)
async def test_promises_without_end_are_not_waited_for() -> None:
    async def promise(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with world() as web:
        assert await web.fetch(promise) == "incomplete"
        assert len(web.public.requests) == 2
        await until(lambda: not web.public.open_connections)


@pytest.mark.image_rule(7)
async def test_a_host_that_takes_no_connection_up_ends_at_the_connect_limit() -> None:
    async with (
        full_listener("127.0.0.4") as port,
        world(connect_timeout_s=LIMIT_S, retries=0, allow_private=(f"127.0.0.4/32:{port}",)) as web,
        ends_at(LIMIT_S),
    ):
        assert await web.get(f"http://127.0.0.4:{port}/a.jpg") == "timeout_connect"


@pytest.mark.image_rule(7)
async def test_a_name_server_that_does_not_answer_ends_at_the_connect_limit() -> None:
    async with world(names={"slow.example": []}, connect_timeout_s=LIMIT_S, retries=0) as web, ends_at(LIMIT_S):
        assert await web.get(web.url("/a.jpg", "slow.example")) == "timeout_connect"


@pytest.mark.image_rule(7)
async def test_connecting_ends_at_the_deadline_too() -> None:
    async with world(names={"slow.example": []}, fetch_timeout_s=LIMIT_S) as web, ends_at(LIMIT_S):
        assert await web.get(web.url("/a.jpg", "slow.example")) == "timeout_total"


@pytest.mark.image_rule(7)
async def test_a_deadline_is_not_rounded_up_to_a_full_second() -> None:
    loop = asyncio.get_running_loop()
    async with world(fetch_timeout_s=LIMIT_S, read_timeout_s=0.9) as web:
        web.public.answers["/a.jpg"] = [drip(response(b"", IMAGE, length=10_000), 0.02)]
        await asyncio.sleep(1.05 - loop.time() % 1)  # rounded up it would be 1.95 s
        async with ends_at(LIMIT_S):
            assert await web.get(web.url("/a.jpg")) == "timeout_total"
