# SPDX-License-Identifier: Apache-2.0
"""Time and bytes: whatever a host does, a fetch ends at its limits."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING

import pytest

from consumer.images.memory import BodyMemory
from tests.integration.images.hosts import (
    BODY,
    IMAGE,
    MIB,
    SILENCE,
    Answer,
    Script,
    World,
    chunked,
    drip,
    full_listener,
    redirect,
    response,
    then_close,
    world,
)
from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_S = 1.0
#: For a machine that has other things to do.
LATE_S = 2.0


@contextlib.contextmanager
def ends_at_the_limit() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert LIMIT_S * 0.95 < time.monotonic() - started < LIMIT_S * 1.1 + LATE_S


def endless(head: bytes, chunk: bytes, sent: list[int]) -> Script:
    """A head, and then chunks until the client hangs up."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(chunk)
            await writer.drain()
            sent.append(len(chunk))

    return script


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
        with ends_at_the_limit():
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
        with ends_at_the_limit():
            assert await web.fetch(drip(answer, 0.02)) == "timeout_total"
        assert len(web.public.requests) == 1
        await until(lambda: not web.public.open_connections)


@pytest.mark.image_rule(7)
async def test_retries_and_their_silence_share_one_deadline() -> None:
    async with world(fetch_timeout_s=LIMIT_S, read_timeout_s=0.7, retries=3) as web:
        with ends_at_the_limit():
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
        with ends_at_the_limit():
            assert await web.fetch(b"HTTP/1.1 100 Continue\r\n\r\n") == "timeout_total"
        await until(lambda: not web.public.open_connections)


@pytest.mark.image_rule(7)
async def test_promises_without_end_are_not_waited_for() -> None:
    async def promise(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with world(retries=0) as web:
        assert await web.fetch(promise) == "incomplete"
        await until(lambda: not web.public.open_connections)


@pytest.mark.image_rule(7)
async def test_a_host_that_takes_no_connection_up_ends_at_the_connect_limit() -> None:
    async with (
        full_listener("127.0.0.4") as port,
        world(connect_timeout_s=LIMIT_S, retries=0, allow_private=(f"127.0.0.4/32:{port}",)) as web,
    ):
        with ends_at_the_limit():
            assert await web.get(f"http://127.0.0.4:{port}/a.jpg") == "timeout_connect"


@pytest.mark.image_rule(7)
async def test_a_name_server_that_does_not_answer_ends_at_the_connect_limit() -> None:
    async with world(names={"slow.example": []}, connect_timeout_s=LIMIT_S, retries=0) as web:
        with ends_at_the_limit():
            assert await web.get(web.url("/a.jpg", "slow.example")) == "timeout_connect"


@pytest.mark.image_rule(7)
async def test_connecting_ends_at_the_deadline_too() -> None:
    async with world(names={"slow.example": []}, fetch_timeout_s=LIMIT_S) as web:
        with ends_at_the_limit():
            assert await web.get(web.url("/a.jpg", "slow.example")) == "timeout_total"


@pytest.mark.image_rule(8)
async def test_a_body_over_the_cap_is_refused_by_its_length_unread() -> None:
    async with world(max_body_bytes=1000) as web:
        assert await web.fetch(response(b"", IMAGE, length=1001)) == "too_large"
        assert await web.fetch(response(bytes(1000), IMAGE)) == bytes(1000)


@pytest.mark.image_rule(8)
@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        (response(b"", IMAGE, length=11 * MIB), bytes(MIB // 16)),
        (response(b"", IMAGE, length=-1), bytes(MIB // 16)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(MIB // 16) + b"\r\n"),
    ],
    ids=["its length says so", "until the end", "chunks"],
)
async def test_eleven_mebibytes_are_cut_off_at_ten(head: bytes, chunk: bytes) -> None:
    sent: list[int] = []
    async with world() as web:
        assert await web.fetch(endless(head, chunk, sent)) == "too_large"
        await until(lambda: not web.public.open_connections)
        assert len(web.public.requests) == 1
    # What fits into the buffers of two sockets comes on top; of what calls itself too long nothing else is read.
    assert sum(sent) < (0 if b"Content-Length" in head else 10) * MIB + 16 * MIB


@pytest.mark.image_rule(8)
async def test_chunks_of_one_byte_count_too() -> None:
    sent: list[int] = []
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with world(max_body_bytes=900) as web:
        assert await web.fetch(endless(head, b"1\r\nx\r\n" * 10_000, sent)) == "too_large"
        await until(lambda: not web.public.open_connections)


async def test_chunks_of_one_byte_are_not_read_to_the_end() -> None:
    sent: list[int] = []
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with world() as web:
        assert await web.fetch(endless(head, b"1\r\nx\r\n" * 10_000, sent)) == "too_large"
        await until(lambda: not web.public.open_connections)
        assert len(web.public.requests) == 1
    assert sum(sent) < 16 * MIB


@pytest.mark.image_rule(8)
@pytest.mark.parametrize("piece_bytes", [1, 1 << 16])
async def test_the_framing_of_chunks_has_an_end(piece_bytes: int) -> None:
    """The extension of a chunk is no body, and no header: nothing of it reaches whoever reads."""
    sent_bytes = 0

    async def extend(writer: asyncio.StreamWriter) -> None:
        nonlocal sent_bytes
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")
        while True:
            writer.write(b"a" * piece_bytes)
            sent_bytes += piece_bytes
            await writer.drain()
            await asyncio.sleep(0)

    async with world(retries=0, max_body_bytes=MIB) as web:
        assert await web.fetch(extend) == "incomplete"
        await until(lambda: not web.public.open_connections)
        assert sent_bytes < 16 * MIB  # two of them, and what the sockets hold


async def test_packets_of_one_byte_are_not_read_to_the_end() -> None:
    async with world(retries=0) as web:
        assert await web.fetch(drip(response(b"", IMAGE, length=MIB), 0)) == "incomplete"
        await until(lambda: not web.public.open_connections)


async def test_a_body_of_many_small_chunks_is_whole() -> None:
    body = bytes(number % 251 for number in range(200_000))
    chunks = b"".join(b"80\r\n%b\r\n" % body[start : start + 128] for start in range(0, 199_936, 128))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with world() as web:
        assert await web.fetch(head + chunks + b"40\r\n%b\r\n0\r\n\r\n" % body[199_936:]) == body


@pytest.mark.image_rule(8)
async def test_a_connection_on_which_too_much_came_is_not_used_again() -> None:
    async with world(max_body_bytes=1000) as web:
        assert await web.fetch(response(bytes(1001), IMAGE, length=MIB)) == "too_large"
        await until(lambda: not web.public.open_connections)
        assert await web.fetch(response(BODY, IMAGE), path="/b.jpg") == BODY
        assert web.public.connections == 2


@pytest.mark.image_rule(8)
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 65_536,
        b"HTTP/1.1 200 " + b"a" * 65_536,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000,
    ],
    ids=["one header", "the first line", "many headers"],
)
async def test_a_head_without_end_is_cut_off(head: bytes) -> None:
    sent: list[int] = []
    async with world(retries=0) as web:
        assert await web.fetch(endless(head, b"a" * 65_536, sent)) == "incomplete"
        await until(lambda: not web.public.open_connections)
    assert sum(sent) < 16 * MIB


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
            with ends_at_the_limit():
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


@pytest.mark.image_rule(7)
async def test_a_deadline_is_not_rounded_up_to_a_full_second() -> None:
    loop = asyncio.get_running_loop()
    async with world(fetch_timeout_s=LIMIT_S, read_timeout_s=0.9) as web:
        web.public.answers["/a.jpg"] = [drip(response(b"", IMAGE, length=10_000), 0.02)]
        await asyncio.sleep(1.05 - loop.time() % 1)  # rounded up it would be 1.95 s
        started = time.monotonic()

        assert await web.get(web.url("/a.jpg")) == "timeout_total"

        assert time.monotonic() - started < LIMIT_S * 1.1 + 0.5
