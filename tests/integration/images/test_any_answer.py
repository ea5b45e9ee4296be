# SPDX-License-Identifier: Apache-2.0
"""Whatever bytes a host sends: a body or a reason, and nothing is left over."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events import FetchReason
from tests.integration.images.hosts import BODY, IMAGE, PUBLIC, chunked, response, then_close, world

WHOLE = [
    response(BODY, IMAGE, "ETag: x", "Set-Cookie: a=b", "Content-Encoding: gzip", "Location: /b.jpg"),
    response(BODY, IMAGE, "Content-Range: bytes 0-23/24", status=206),
    response(b"", "Location: http://shop.example/b.jpg?x#y", status=302),
    response(b"", "Retry-After: Sun, 22 Nov 2026 12:00:00 GMT", status=429),
    chunked(BODY),
]
LINES = [
    "Content-Length: 24",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Content-Encoding: gzip",
    "Content-Encoding: deflate",
    "Content-Encoding: br",
    "Content-Type: image/jpeg",
    "Content-Type: \udcff",
    "Content-Range: bytes 0-23/24",
    "Location: //",
    "Location: http://[::1",
    "Location: /a.jpg",
    "Connection: close",
    "Connection: upgrade",
    "Upgrade: websocket",
    "Retry-After: 99999999999999999999",
    "Set-Cookie: \x01=;;=",
    " folded",
    "no colon",
    ": no name",
]


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """An answer of which some bytes were replaced, and perhaps the end is gone."""
    answer = bytearray(draw(st.sampled_from(WHOLE)))
    for place, byte in draw(st.lists(st.tuples(st.integers(0, len(answer) - 1), st.integers(0, 255)), max_size=6)):
        answer[place] = byte
    return bytes(answer[: draw(st.integers(0, len(answer)) | st.just(len(answer)))])


@st.composite
def composed(draw: st.DrawFn) -> bytes:
    """Headers that do not go together, and some body."""
    status = draw(st.sampled_from([100, 101, 200, 200, 204, 206, 301, 304, 401, 429, 500, 503, 999, 1000]))
    head = "\r\n".join([f"HTTP/1.1 {status} Word", *draw(st.lists(st.sampled_from(LINES), max_size=5)), "", ""])
    return head.encode(errors="surrogateescape") + draw(st.sampled_from([b"", BODY, chunked(BODY)]) | st.binary())


ANSWERS = st.lists(st.binary() | changed() | composed(), min_size=1, max_size=10)


@pytest.mark.image_rule(8)
@settings(max_examples=100)
@given(ANSWERS)
def test_any_bytes_give_a_body_or_a_reason_and_leave_nothing_over(answers: list[bytes]) -> None:
    asyncio.run(fetch_all(answers))


async def fetch_all(answers: list[bytes]) -> None:
    names = {f"{number}.example": [PUBLIC] for number in range(len(answers))}
    async with world(names, read_timeout_s=2) as web:  # what is left over, it sees itself when it ends
        for name, answer in zip(names, answers, strict=True):
            web.public.answers["/a.jpg"] = [then_close(answer)]

            outcome = await web.get(web.url("/a.jpg", name))  # a host each: one that wants rest would hold the next up

            assert (isinstance(outcome, bytes) and outcome) or outcome in list(FetchReason)
            assert web.fetcher._hosts.in_flight == 0
