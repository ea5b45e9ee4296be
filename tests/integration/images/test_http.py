# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import gzip
import random
import time
import zlib

import pytest
from structlog.testing import capture_logs

from consumer.errors import SettingsInvalid
from consumer.images.http import Fetched, Fetcher
from consumer.images.memory import BodyMemory
from consumer.observability.metrics import Metrics
from consumer.settings import ImageSettings
from tests.integration.images.hosts import (
    PRIVATE,
    PUBLIC,
    SILENCE,
    Answer,
    Names,
    Script,
    outcome_of,
    redirect,
    response,
    world,
)
from tests.support.wait import until

BODY = b"\xff\xd8\xff not really a picture"
IMAGE = "Content-Type: image/jpeg"
MIB = 1 << 20


def chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def then_close(answer: bytes) -> Script:
    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    return script


def drip(answer: bytes, pause_s: float) -> Script:
    """One byte at a time, for as long as the client stays."""

    async def script(writer: asyncio.StreamWriter) -> None:
        for byte in answer + bytes(10_000):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause_s)

    return script


async def test_a_picture_comes_whole() -> None:
    async with world() as web:
        assert await web.fetch(response(BODY, IMAGE)) == BODY
        assert await web.fetch(chunked(BODY)) == BODY
        assert await web.fetch(then_close(response(BODY, IMAGE, length=-1))) == BODY
        assert web.outcomes("ok") == 3


async def test_the_request_says_who_asks_and_nothing_else() -> None:
    async with world() as web:
        await web.fetch(response(BODY, IMAGE))

        ((_, headers),) = web.public.requests
        assert headers["user-agent"].startswith("hangtag/")
        assert "example.org" in headers["user-agent"]
        assert headers["accept-encoding"] == "identity"
        assert set(headers) == {"host", "accept", "accept-encoding", "user-agent"}


async def test_connections_are_kept_and_names_are_not_looked_up_again() -> None:
    async with world(names={"shop.example": [PUBLIC]}) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]
        url = f"http://shop.example:{web.public.port}/a.jpg"

        assert [await web.get(url) for _ in range(5)] == [BODY] * 5
        assert web.public.connections == 1


async def test_redirects_are_followed_up_to_the_limit() -> None:
    async with world(max_redirects=3) as web:
        for hop in range(4):
            web.public.answers[f"/{hop}"] = [redirect(f"/{hop + 1}", status=(301, 302, 307, 308)[hop])]
        web.public.answers["/4"] = [response(BODY, IMAGE)]

        assert await web.get(web.url("/1")) == BODY
        assert await web.get(web.url("/0")) == "redirect_limit"
        assert web.public.paths() == ["/1", "/2", "/3", "/4", "/0", "/1", "/2", "/3"]


async def test_a_redirect_loop_ends() -> None:
    async with world() as web:
        assert await web.fetch(redirect("/a.jpg")) == "redirect_limit"
        assert len(web.public.requests) == 4


async def test_cookies_of_one_hop_are_not_sent_to_the_next() -> None:
    async with world() as web:
        web.public.answers["/b.jpg"] = [response(BODY, IMAGE, "Set-Cookie: b=2")]

        assert await web.fetch(redirect("/b.jpg", "Set-Cookie: a=1; Path=/")) == BODY
        assert await web.get(web.url("/b.jpg")) == BODY
        assert not any("cookie" in headers for _, headers in web.public.requests)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        (f"http://{PRIVATE}:PORT/a.jpg", "blocked_address"),
        (f"//{PRIVATE}:PORT/a.jpg", "blocked_address"),
        (f"http://{PRIVATE}/a.jpg", "blocked_address"),
        (f"http://[::ffff:{PRIVATE}]:PORT/a.jpg", "blocked_address"),
        ("http://0x7f.0.0.3:PORT/a.jpg", "invalid_url"),
        ("http://0177.0.0.3:PORT/a.jpg", "invalid_url"),
        ("http://2130706435:PORT/a.jpg", "invalid_url"),
        ("http://127.3:PORT/a.jpg", "invalid_url"),
        ("http://①②⑦.⓪.⓪.③:PORT/a.jpg", "blocked_address"),
        ("http://localhost:PORT/a.jpg", "blocked_address"),
        ("http://localhost/a.jpg", "blocked_address"),
        ("http://localhost:1/a.jpg", "port"),
        (f"http://user@{PUBLIC}:PORT/a.jpg", "userinfo"),
        ("file:///etc/passwd", "scheme"),
        ("ftp://shop.example/a.jpg", "scheme"),
        ("http://a\\@b/", "invalid_url"),
        ("", "status_other"),
    ],
)
async def test_nothing_private_is_dialled_first_or_after_a_redirect(location: str, reason: str) -> None:
    async with world() as web:
        location = location.replace("PORT", str(web.public.port))

        assert await web.fetch(redirect(location)) == reason
        if "://" in location:
            assert await web.get(location) == reason
        assert web.private.connections == 0
        assert len(web.public.requests) == 1


async def test_a_name_is_judged_by_what_it_resolves_to() -> None:
    names = {
        "public.example": [PUBLIC],
        "private.example": [PRIVATE],
        "mixed.example": [PRIVATE, PUBLIC],
        "unwrapped.example": ["127.0.0.4", PRIVATE],
    }
    async with world(names=names) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]
        answers = {name: await web.get(f"http://{name}:{web.public.port}/a.jpg") for name in [*names, "no.example"]}

        assert answers == {
            "public.example": BODY,
            "private.example": "blocked_address",
            "mixed.example": BODY,
            "unwrapped.example": "blocked_address",
            "no.example": "dns",
        }
        assert web.private.connections == 0


async def test_a_refused_address_is_named_even_when_the_other_one_fails_otherwise() -> None:
    async with world() as web, asyncio.timeout(10):
        closed = await asyncio.start_server(lambda *_: None, "127.0.0.4", 0)
        port = closed.sockets[0].getsockname()[1]
        closed.close()
        settings = ImageSettings(allow_private=(f"127.0.0.4/32:{port}",))
        names = {"mixed.example": [PRIVATE, "127.0.0.4"], "closed.example": ["127.0.0.4"]}
        fetcher = await Fetcher.open(settings, Metrics(), resolver=Names(names))
        reasons = [await outcome_of(fetcher, f"http://{name}:{port}/") for name in names]
        await fetcher.close()

        assert reasons == ["blocked_address", "connect"]
        assert web.private.connections == 0


async def test_an_exception_for_a_port_does_not_open_it_for_other_public_addresses() -> None:
    """Never dialled: 8.8.8.8 stands for any public address; the test suite's own guard would catch the attempt."""
    async with world(names={"shop.example": ["8.8.8.8"]}) as web:
        assert await web.get(f"http://shop.example:{web.public.port}/a.jpg") == "port"


async def test_proxy_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as web:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{PRIVATE}:{web.private.port}")

        assert await web.fetch(response(BODY, IMAGE)) == BODY
        assert web.private.connections == 0


async def test_an_egress_that_cannot_be_guarded_is_refused_at_the_start() -> None:
    settings = ImageSettings(egress="proxy")

    with pytest.raises(SettingsInvalid, match=r"images\.egress"):
        await Fetcher.open(settings, Metrics())


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "deflate", "identity"])
async def test_compression_that_nobody_asked_for_is_undone(encoding: str) -> None:
    encoded = {"deflate": zlib.compress(BODY), "identity": BODY}.get(encoding, gzip.compress(BODY))
    async with world() as web:
        assert await web.fetch(response(encoded, IMAGE, f"Content-Encoding: {encoding}")) == BODY


async def test_bare_deflate_is_undone_too() -> None:
    compressor = zlib.compressobj(wbits=-15)
    bare = compressor.compress(BODY) + compressor.flush()
    async with world() as web:
        assert await web.fetch(response(bare, IMAGE, "Content-Encoding: deflate")) == BODY


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
async def test_other_encodings_are_refused(encoding: str) -> None:
    async with world() as web:
        assert await web.fetch(response(BODY, IMAGE, f"Content-Encoding: {encoding}")) == "encoding"
        assert len(web.public.requests) == 1


async def test_broken_and_cut_compression_are_told_apart() -> None:
    async with world() as web:
        assert await web.fetch(response(BODY, "Content-Encoding: gzip")) == "encoding"
        assert await web.fetch(response(gzip.compress(BODY)[:-9], "Content-Encoding: gzip")) == "incomplete"


async def test_a_gzip_bomb_ends_at_the_cap() -> None:
    bomb = gzip.compress(bytes(200 * MIB), 1)
    async with world() as web:
        assert len(bomb) < MIB
        assert await web.fetch(response(bomb, IMAGE, "Content-Encoding: gzip")) == "too_large"


async def test_a_body_over_the_cap_is_refused_by_its_length_unread() -> None:
    async with world(max_body_bytes=1000) as web:
        assert await web.fetch(response(b"", IMAGE, length=1001)) == "too_large"
        assert await web.fetch(response(bytes(1000), IMAGE)) == bytes(1000)


async def test_a_body_over_the_cap_is_cut_off_while_it_comes() -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
            await writer.drain()
            sent += 65_536

    async with world(max_body_bytes=MIB) as web:
        assert await web.fetch(endless) == "too_large"
    assert MIB <= sent < 16 * MIB


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
        (["Content-Type: application/json"], "content_type"),
        (["Content-Type: image/jpeg", "Content-Type: text/html"], "content_type"),
    ],
)
async def test_only_what_calls_itself_an_image_is_read(headers: list[str], answer: bytes | str) -> None:
    async with world() as web:
        assert await web.fetch(response(BODY, *headers)) == answer


@pytest.mark.parametrize(
    ("answer", "reason", "requests"),
    [
        (response(BODY, status=404), "status_4xx", 1),
        (response(BODY, status=403), "status_4xx", 1),
        (response(BODY, status=429), "rate_limited", 1),
        (response(BODY, status=500), "status_5xx", 2),
        (response(BODY, status=503), "status_5xx", 2),
        (response(status=204), "status_other", 1),
        (response(status=304), "status_other", 1),
        (response(status=302), "status_other", 1),
        (response(BODY, "Content-Range: bytes 0-9/99", status=206), "partial", 1),
        (response(b"", IMAGE), "incomplete", 2),
        (then_close(response(BODY, IMAGE, length=1000)), "incomplete", 2),
        (then_close(chunked(BODY)[:-7]), "incomplete", 2),
        (then_close(b""), "incomplete", 4),  # aiohttp itself repeats a GET that is cut off before any answer
        (response(BODY, IMAGE, length=-7), "incomplete", 2),
        (then_close(b"220 mail.example ESMTP\r\n"), "incomplete", 2),
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


async def test_silence_ends_at_the_read_timeout() -> None:
    async with world(read_timeout_s=0.2) as web:
        assert await web.fetch(SILENCE) == "timeout_read"
        assert len(web.public.requests) == 2


async def test_a_name_server_that_does_not_answer_ends_at_the_connect_timeout() -> None:
    async with world(names={"slow.example": []}, connect_timeout_s=0.2) as web:
        assert await web.get(f"http://slow.example:{web.public.port}/a.jpg") == "timeout_connect"


@pytest.mark.parametrize("start", [b"", response(b"", IMAGE, length=10_000)], ids=["head", "body"])
async def test_a_drip_ends_at_the_total_deadline(start: bytes) -> None:
    answer = start or b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 1000
    async with world(fetch_timeout_s=0.6, read_timeout_s=0.55) as web:
        started = time.monotonic()

        assert await web.fetch(drip(answer, 0.02)) == "timeout_total"
        assert 0.5 < time.monotonic() - started < 3


async def test_a_crowded_host_waits_and_leaves_room_for_others() -> None:
    running, most, go_on = 0, 0, asyncio.Event()

    async def slow(writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go_on.wait()
        running -= 1
        writer.write(response(BODY, IMAGE))

    names = {"crowded.example": [PUBLIC], "other.example": [PUBLIC]}
    async with world(names=names, in_flight=8, in_flight_per_host=3) as web:
        web.public.answers = {"/slow": [slow], "/fast": [response(BODY, IMAGE)]}
        crowd = [asyncio.create_task(web.get(f"http://crowded.example:{web.public.port}/slow")) for _ in range(12)]
        await until(lambda: running == 3)

        assert await web.get(f"http://other.example:{web.public.port}/fast") == BODY
        go_on.set()
        assert await asyncio.gather(*crowd) == [BODY] * 12
        assert most == 3


async def test_a_cancelled_fetch_gives_everything_back() -> None:
    async with world() as web:
        web.public.answers["/a.jpg"] = [SILENCE]
        fetch = asyncio.create_task(web.get(web.url("/a.jpg")))
        await until(lambda: bool(web.public.requests))

        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch

        await until(lambda: not web.public.open_connections)
        assert web.fetcher._hosts.in_flight == 0


async def test_no_random_answer_raises() -> None:
    dice = random.Random(4)
    whole = response(BODY, IMAGE, "ETag: x", "Set-Cookie: a=b", "Content-Encoding: gzip", "Location: /b.jpg")
    async with world(read_timeout_s=0.5) as web:
        for _ in range(300):
            answer = bytearray(whole)
            for _ in range(dice.randrange(1, 6)):
                answer[dice.randrange(len(answer))] = dice.randrange(256)
            result = await web.fetch(then_close(bytes(answer)))
            assert isinstance(result, bytes | str)


async def test_logs_hold_no_query_string_and_no_password() -> None:
    with capture_logs() as logs:
        async with world() as web:
            await web.fetch(then_close(b""), path="/a.jpg?signature=secret")
            await web.get(f"http://{PRIVATE}:{web.public.port}/b.jpg?signature=secret")
            await web.get(f"http://localhost:{web.public.port}/b.jpg?signature=secret")
            await web.get(f"http://user:secret@{PUBLIC}:{web.public.port}/")

    assert {entry["event"] for entry in logs} == {"image_request_failed", "image_address_refused"}
    assert "secret" not in str(logs)


async def test_the_result_names_the_url_as_the_vendor_sent_it() -> None:
    async with world() as web:
        web.public.answers["/a%20b.jpg"] = [response(BODY, IMAGE)]
        url = web.url("/a b.jpg#front")

        with BodyMemory(MIB).share() as share:
            fetched = await web.fetcher.fetch(url, "acme", share)

        assert isinstance(fetched, Fetched)
        assert (fetched.url, fetched.body) == (url, BODY)
