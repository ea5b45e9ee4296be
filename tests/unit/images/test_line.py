# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

from consumer.images.dial import Dial, dials
from consumer.images.line import EndlessAnswerError, Line


async def test_a_connection_that_was_reset_before_anybody_looked_has_no_address() -> None:
    dial = Dial()
    dials.set(dial)
    line = Line(asyncio.get_running_loop(), max_body_bytes=1000)
    transport = asyncio.Transport()  # of which nothing is known, as when getpeername fails

    line.connection_made(transport)

    assert (dial.stands, dial.address) == (True, None)
    assert line.transport is transport


async def test_why_an_answer_was_broken_off_is_not_forgotten_at_the_end_of_its_connection() -> None:
    """Who reads the body may be waiting for something else then."""
    dials.set(Dial())
    line = Line(asyncio.get_running_loop(), max_body_bytes=100_000)

    class Wire(asyncio.Transport):
        def abort(self) -> None:
            line.connection_lost(None)

    line.connection_made(Wire())
    line.set_response_params()
    line.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n")
    _, body = await line.read()

    for _ in range(5_000):
        line.data_received(b"x")

    assert isinstance(body.exception(), EndlessAnswerError)
