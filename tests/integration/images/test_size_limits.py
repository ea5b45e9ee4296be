# SPDX-License-Identifier: Apache-2.0
"""Bytes: of an answer that is too large, in itself or in its framing, no more is read than it takes to know."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.integration.images.hosts import BODY, IMAGE, MIB, Script, drip, response, world
from tests.support.wait import until


def endless(head: bytes, chunk: bytes, sent: list[int]) -> Script:
    """A head, and then chunks until the client hangs up."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(chunk)
            await writer.drain()
            sent.append(len(chunk))

    return script


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
    # What fits into the buffers of two sockets comes on top; of what calls itself too long that is all.
    assert sum(sent) < (8 if b"Content-Length" in head else 26) * MIB


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

    async with world(max_body_bytes=MIB) as web:
        assert await web.fetch(extend) == "too_large"
        await until(lambda: not web.public.open_connections)
        assert len(web.public.requests) == 1
        assert sent_bytes < 16 * MIB  # two of them, and what the sockets hold


@pytest.mark.parametrize(
    "answer",
    [response(b"", IMAGE, length=MIB), response(b"", IMAGE, length=-1), b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 8000],
    ids=["its length is known", "until the end", "the head"],
)
async def test_packets_of_one_byte_are_not_read_to_the_end_nor_asked_for_again(answer: bytes) -> None:
    async with world() as web:
        assert await web.fetch(drip(answer, 0)) == "too_large"
        await until(lambda: not web.public.open_connections)
        assert len(web.public.requests) == 1


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
    async with world() as web:
        assert await web.fetch(endless(head, b"a" * 65_536, sent)) == "incomplete"
        assert len(web.public.requests) == 2
        await until(lambda: not web.public.open_connections)
    assert sum(sent) < 16 * MIB
