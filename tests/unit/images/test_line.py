# SPDX-License-Identifier: Apache-2.0
"""A connection at its end: what is whole, and why the rest is not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from consumer.images.dial import Dial, dials
from consumer.images.line import EndlessAnswerError, Line

if TYPE_CHECKING:
    from aiohttp.streams import StreamReader

UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\n"
OF_9_BYTES = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
RESET = ConnectionResetError(104, "reset")


class Wire(asyncio.Transport):
    """Of which nothing is known, as when getpeername fails."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def abort(self) -> None:
        self._line.connection_lost(None)


def connected() -> Line:
    dials.set(Dial())
    line = Line(asyncio.get_running_loop(), max_body_bytes=100_000)
    line.connection_made(Wire(line))
    line.set_response_params(read_until_eof=True)
    return line


async def body_of(line: Line, answer: bytes) -> StreamReader:
    line.data_received(answer)
    _, body = await line.read()
    return body


async def test_a_connection_that_was_reset_before_anybody_looked_has_no_address() -> None:
    line = connected()

    assert (dials.get().stands, dials.get().address) == (True, None)
    assert line.transport is not None


@pytest.mark.parametrize(
    ("answer", "is_closed", "error", "is_whole"),
    [
        (UNTIL_CLOSE + b"a picture", True, None, True),
        (UNTIL_CLOSE + b"a picture", True, RESET, True),  # close_notify, and then a reset
        (UNTIL_CLOSE + b"a picture", False, RESET, False),
        (OF_9_BYTES + b"a picture", False, RESET, True),
        (OF_9_BYTES + b"a pict", True, None, False),
        (OF_9_BYTES + b"a pict", False, RESET, False),
        (CHUNKED + b"9\r\na picture\r\n0\r\n\r\n", False, RESET, True),
        (CHUNKED + b"9\r\na picture\r\n", True, None, False),
        (CHUNKED + b"9\r\na picture\r\n", False, RESET, False),
    ],
)
async def test_what_counts_as_whole_when_a_connection_ends(
    answer: bytes, error: Exception | None, *, is_closed: bool, is_whole: bool
) -> None:
    line = connected()
    body = await body_of(line, answer)

    if is_closed:
        line.eof_received()
    line.connection_lost(error)

    if is_whole:
        assert await body.read() == b"a picture"
    else:
        with pytest.raises(aiohttp.ClientPayloadError):
            await body.read()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 204 No\r\n\r\n", b"HTTP/1.1 302 Go\r\nLocation: /b\r\n\r\n"])
async def test_an_answer_whose_head_has_come_counts_whatever_becomes_of_its_connection(answer: bytes) -> None:
    line = connected()
    line.data_received(answer)
    line.connection_lost(RESET)

    head, _ = await line.read()

    assert head.code in {204, 302}


async def test_a_reset_meets_the_request_that_waits_and_not_the_one_before() -> None:
    line = connected()
    first = await body_of(line, OF_9_BYTES + b"a picture")
    line.begin()
    line.set_response_params(read_until_eof=True)
    waiting = asyncio.create_task(line.read())
    await asyncio.sleep(0)

    line.connection_lost(RESET)

    assert await first.read() == b"a picture"
    with pytest.raises(aiohttp.ClientOSError):
        await waiting


@pytest.mark.parametrize("length", [b"Content-Length: 90000\r\n", b""])
async def test_why_an_answer_was_broken_off_is_not_forgotten_at_the_end_of_its_connection(length: bytes) -> None:
    """Who reads the body may be waiting for something else then."""
    line = connected()
    body = await body_of(line, b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")

    for _ in range(5_000):
        line.data_received(b"x")

    assert isinstance(body.exception(), EndlessAnswerError)
