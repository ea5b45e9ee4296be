# SPDX-License-Identifier: Apache-2.0
"""What counts as a picture that came whole: status, type, length and range."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.images.hosts import (
    BODY,
    IMAGE,
    SILENCE,
    Answer,
    World,
    chunked,
    response,
    then_close,
    then_reset,
    world,
)
from tests.support.wait import until

WHOLE, PART = f"bytes 0-{len(BODY) - 1}/{len(BODY)}", f"bytes 0-{len(BODY) - 1}/99999"


@pytest.mark.image_rule(10)
@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        (["Content-Type: image/jpeg"], BODY),
        (["Content-Type: IMAGE/PNG; charset=binary"], BODY),
        (["Content-Type: application/octet-stream"], BODY),
        (["Content-Type: binary/octet-stream"], BODY),
        (["Content-Type:"], BODY),
        ([], BODY),
        (["Content-Type: text/html; charset=utf-8"], "content_type"),
        (["Content-Type: text/plain"], "content_type"),
        (["Content-Type: application/json"], "content_type"),
        (["Content-Type: image/jpeg", "Content-Type: text/html"], "content_type"),
        (["Content-Type: text/html", "Content-Type: image/jpeg"], "content_type"),
        (["Content-Type: image/jpeg", "Content-Type: image/png"], BODY),
    ],
)
async def test_only_what_calls_itself_an_image_is_read(headers: list[str], answer: bytes | str) -> None:
    async with world() as web:
        assert await web.fetch(response(BODY, *headers)) == answer
        assert len(web.public.requests) == 1


@pytest.mark.image_rule(11)
@pytest.mark.parametrize(
    ("answer", "reason", "requests"),
    [
        (response(BODY, status=404), "status_4xx", 1),
        (response(BODY, status=403), "status_4xx", 1),
        (response(BODY, status=407), "status_4xx", 1),
        (response(BODY, status=429), "rate_limited", 1),
        (response(BODY, status=500), "status_5xx", 2),
        (response(BODY, status=503), "status_5xx", 2),
        (response(BODY, status=201), "status_other", 1),
        (response(BODY, status=203), "status_other", 1),
        (response(status=204), "status_other", 1),
        (response(status=304), "status_other", 1),
        (response(BODY, status=999), "status_other", 1),
        (response(BODY, status=600), "status_other", 1),
        (then_close(b""), "incomplete", 4),  # aiohttp itself repeats a GET that is cut off before any answer
        (then_close(b"220 mail.example ESMTP\r\n"), "incomplete", 2),
        (then_close(b"SSH-2.0-OpenSSH_9.2\r\n"), "incomplete", 2),
        (then_close(BODY), "incomplete", 2),
    ],
)
async def test_what_may_come_back_is_asked_for_once_more(answer: Answer, reason: str, requests: int) -> None:
    async with world() as web:
        assert await web.fetch(answer) == reason
        assert len(web.public.requests) == requests
        assert web.outcomes(reason) == 1


async def test_the_retry_may_find_the_picture() -> None:
    async with world() as web:
        assert await web.fetch(response(status=500), response(BODY, IMAGE)) == BODY
        assert await web.fetch(then_close(b""), response(BODY, IMAGE), path="/b.jpg") == BODY
        assert await web.fetch(then_close(response(BODY, length=99)), response(BODY, IMAGE), path="/c.jpg") == BODY


@pytest.mark.image_rule(8)
@pytest.mark.parametrize(
    "answer",
    [
        then_close(response(BODY, IMAGE, length=len(BODY) + 1)),
        then_close(chunked(BODY)[:-7]),
        then_close(chunked(BODY)[:-2]),
        response(b"", IMAGE),
        chunked(b""),
        then_close(response(b"", IMAGE, length=-1)),
        then_reset(response(BODY, IMAGE, length=-1)),
        response(BODY, IMAGE, length=-7),
        response(BODY, IMAGE, "Content-Length: 0x18", length=-1),
        response(BODY, IMAGE, f"Content-Length: {'9' * 5000}", length=-1),
        response(BODY, IMAGE, length=len(BODY) - 1),
        response(BODY, IMAGE, "Content-Length: 7"),
        response(BODY, IMAGE, "Transfer-Encoding: chunked"),
    ],
    ids=[
        "longer than what comes",
        "a chunk is cut",
        "the end is cut",
        "empty",
        "no chunk",
        "nothing until the end",
        "reset before the end",
        "below zero",
        "hexadecimal",
        "5,000 digits",
        "shorter than what comes",
        "two lengths",
        "a length and chunks",
    ],
)
async def test_a_body_that_is_not_all_there_is_incomplete(answer: Answer) -> None:
    async with world(retries=0) as web:
        assert await web.fetch(answer) == "incomplete"


@pytest.mark.image_rule(8)
async def test_what_comes_beyond_the_length_is_nobodys_answer() -> None:
    poison = response(b"poison", IMAGE)
    async with world() as web:
        assert await web.fetch(response(BODY, IMAGE) + poison) == BODY
        assert await web.fetch(response(b"good", IMAGE), path="/b.jpg") == b"good"
        assert web.public.connections == 2


@pytest.mark.image_rule(11)
@pytest.mark.parametrize(
    ("headers", "body", "answer"),
    [
        ([f"Content-Range: {WHOLE}"], BODY, BODY),
        ([], BODY, "partial"),
        ([f"Content-Range: {PART}"], BODY, "partial"),
        (["Content-Range: bytes 1-24/25"], BODY, "partial"),
        (["Content-Range: bytes 0-23/*"], BODY, "partial"),
        (["Content-Range: bytes */24"], BODY, "partial"),
        ([f"Content-Range: {WHOLE}"], BODY[:-1], "incomplete"),
        ([f"Content-Range: {WHOLE}"], BODY + b"!", "incomplete"),
        (["Content-Range: bytes 0-0/1"], BODY, "incomplete"),
        (["Content-Type: multipart/byteranges; boundary=x"], BODY, "partial"),
        (["Content-Type: multipart/byteranges; boundary=x", f"Content-Range: {WHOLE}"], BODY, "content_type"),
    ],
)
async def test_a_part_counts_when_it_is_the_whole(headers: list[str], body: bytes, answer: bytes | str) -> None:
    async with world(retries=0) as web:
        assert await web.fetch(response(body, *headers, status=206)) == answer


async def test_a_body_that_is_not_wanted_is_not_read() -> None:
    """Neither to its end, which would take time, nor to keep the connection."""
    async with world() as web:
        for answer in (
            response(BODY, "Content-Type: text/html", length=10_000),
            response(BODY, status=404, length=10_000),
            response(BODY, "Content-Encoding: br", length=10_000),
            response(BODY, status=206, length=10_000),
        ):
            assert isinstance(await web.fetch(answer, SILENCE), str)
            await until(lambda: not web.public.open_connections)


@pytest.mark.image_rule(8)
async def test_what_comes_before_anybody_asked_is_nobodys_answer() -> None:
    """The connection ends there and then: else a host could send, and have us keep, what it likes."""
    go_on = asyncio.Event()

    async def too_talkative(writer: asyncio.StreamWriter) -> None:
        writer.write(response(BODY, IMAGE))
        await go_on.wait()
        writer.write(response(b"poison", IMAGE))

    async with world() as web:
        assert await web.fetch(too_talkative) == BODY
        assert web.public.open_connections == 1
        go_on.set()
        await until(lambda: not web.public.open_connections)

        assert await web.fetch(response(b"good", IMAGE), path="/b.jpg") == b"good"


@pytest.mark.image_rule(8)
async def test_a_second_answer_at_once_is_nobodys_answer_either() -> None:
    async with world() as web:
        assert await web.fetch(response(BODY, IMAGE) + response(b"poison", IMAGE) * 100) == BODY
        await until(lambda: not web.public.open_connections)

        assert await web.fetch(response(b"good", IMAGE), path="/b.jpg") == b"good"


def has_begun(web: World) -> bool:
    """Whether the head of an answer has come."""
    return bool(web.metrics.registry.get_sample_value("hangtag_image_connections_total", {"connection": "new"}))


@pytest.mark.image_rule(8)
@pytest.mark.parametrize("second", [response(b"poison", IMAGE), response(b"poi", IMAGE, length=9_000_000)])
async def test_a_second_answer_that_comes_with_the_end_of_the_first_is_nobodys_answer_either(second: bytes) -> None:
    """The first is taken for whole, and its connection for one to use again, before the second is seen."""
    go_on = asyncio.Event()
    whole = response(BODY, IMAGE)

    async def in_two(writer: asyncio.StreamWriter) -> None:
        writer.write(whole[:-3])
        await go_on.wait()
        writer.write(whole[-3:] + second)

    async with world() as web:
        fetching = asyncio.create_task(web.fetch(in_two))
        await until(lambda: has_begun(web))
        go_on.set()

        assert await fetching == BODY
        await until(lambda: not web.public.open_connections)
        assert await web.fetch(response(b"good", IMAGE), path="/b.jpg") == b"good"


async def test_chunks_that_are_none_end_at_once() -> None:
    """And not at the deadline, for which they would hold a slot and memory."""
    go_on = asyncio.Event()

    async def broken(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")
        await go_on.wait()
        writer.write(b"nonsense\r\n")

    async with world(retries=0) as web:
        fetching = asyncio.create_task(web.fetch(broken))
        await until(lambda: has_begun(web))
        go_on.set()

        assert await asyncio.wait_for(fetching, web.settings.fetch_timeout_s / 2) == "incomplete"


@pytest.mark.image_rule(7)
@pytest.mark.parametrize(("interim", "outcome"), [(5, BODY), (6, "incomplete"), (100_000, "incomplete")])
async def test_a_host_may_keep_us_in_suspense_a_few_times_only(interim: int, outcome: bytes | str) -> None:
    answer = b"HTTP/1.1 103 Early Hints\r\n\r\n" * interim + response(BODY, IMAGE)
    async with world(retries=0) as web:
        assert await web.fetch(then_close(answer)) == outcome
        assert len(web.public.requests) == 1


@pytest.mark.image_rule(7)
async def test_each_request_on_a_connection_may_have_interim_answers() -> None:
    async with world(retries=0) as web:
        for number in range(4):
            answer = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 4 + response(BODY, IMAGE)
            assert await web.fetch(answer, path=f"/{number}.jpg") == BODY
        assert web.public.connections == 1
