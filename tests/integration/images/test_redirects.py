# SPDX-License-Identifier: Apache-2.0
"""Each hop is judged like a first URL, and there are few of them."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.images.hosts import BODY, IMAGE, MIB, PRIVATE, PUBLIC, redirect, response, world
from tests.support.wait import until

pytestmark = pytest.mark.image_rule(6)


async def test_redirects_are_followed_up_to_the_limit() -> None:
    async with world(max_redirects=3) as web:
        for hop in range(4):
            web.public.answers[f"/{hop}"] = [redirect(f"/{hop + 1}", status=(301, 302, 307, 308)[hop])]
        web.public.answers["/4"] = [response(BODY, IMAGE)]

        assert await web.get(web.url("/1")) == BODY
        assert await web.get(web.url("/0")) == "redirect_limit"
        assert web.public.paths() == ["/1", "/2", "/3", "/4", "/0", "/1", "/2", "/3"]


async def test_no_redirects_may_be_followed_at_all() -> None:
    async with world(max_redirects=0) as web:
        assert await web.fetch(redirect("/b.jpg")) == "redirect_limit"
        assert web.public.paths() == ["/a.jpg"]


@pytest.mark.parametrize("loop", [["/a.jpg"], ["/b.jpg", "/a.jpg"]])
async def test_a_redirect_loop_ends(loop: list[str]) -> None:
    async with world() as web:
        for here, there in zip(["/a.jpg", *loop], loop, strict=False):
            web.public.answers[here] = [redirect(there)]

        assert await web.get(web.url("/a.jpg")) == "redirect_limit"
        assert len(web.public.requests) == 4


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        (f"http://{PRIVATE}:PORT/a.jpg", "blocked_address"),
        (f"//{PRIVATE}:PORT/a.jpg", "blocked_address"),
        (f"http://{PRIVATE}/a.jpg", "blocked_address"),
        (f"HTTP://{PRIVATE}:PORT/a.jpg", "blocked_address"),
        (f"http://[::ffff:{PRIVATE}]:PORT/a.jpg", "blocked_address"),
        (f"http://[64:ff9b::{PRIVATE}]:PORT/a.jpg", "blocked_address"),
        ("http://[::1]:PORT/a.jpg", "blocked_address"),
        ("http://[::1%25lo]:PORT/a.jpg", "invalid_url"),
        ("http://0x7f.0.0.3:PORT/a.jpg", "invalid_url"),
        ("http://0177.0.0.3:PORT/a.jpg", "invalid_url"),
        ("http://2130706435:PORT/a.jpg", "invalid_url"),
        ("http://127.3:PORT/a.jpg", "invalid_url"),
        ("http://①②⑦.⓪.⓪.③:PORT/a.jpg", "blocked_address"),
        ("http://localhost:PORT/a.jpg", "blocked_address"),
        ("http://localhost/a.jpg", "blocked_address"),
        ("http://localhost:1/a.jpg", "port"),
        (f"http://{PUBLIC}:0/a.jpg", "blocked_address"),
        (f"http://{PUBLIC}:65536/a.jpg", "invalid_url"),
        (f"http://user@{PUBLIC}:PORT/a.jpg", "userinfo"),
        (f"http://user:word@{PUBLIC}:PORT/a.jpg", "userinfo"),
        ("file:///etc/passwd", "scheme"),
        ("FILE:///etc/passwd", "scheme"),
        ("ftp://shop.example/a.jpg", "scheme"),
        ("gopher://shop.example/a.jpg", "scheme"),
        ("data:image/png;base64,AAAA", "scheme"),
        ("s3://bucket/a.jpg", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("http://a\\@b/", "invalid_url"),
    ],
)
async def test_nothing_private_is_dialled_first_or_after_a_redirect(location: str, reason: str) -> None:
    async with world(retries=0) as web:
        location = location.replace("PORT", str(web.public.port))

        assert await web.fetch(redirect(location)) == reason
        if not location.startswith("//"):
            assert await web.get(location) == reason
        assert web.private.connections == 0
        assert len(web.public.requests) == 1


@pytest.mark.parametrize(
    "location",
    [
        "/d/b.jpg",
        "b.jpg",
        "./b.jpg",
        "../d/b.jpg",
        "//HOST/d/b.jpg",
        "http://HOST/d/b.jpg",
        "HTTP://HOST/d/../d/b.jpg",
        "/d/b.jpg#front",
        "../../../../d/b.jpg",
        "http:b.jpg",  # no host: a path beside the first one, as browsers read it
        "http:///d/b.jpg",
    ],
)
async def test_every_form_of_a_target_that_the_standard_knows_is_followed(location: str) -> None:
    async with world() as web:
        location = location.replace("HOST", f"{PUBLIC}:{web.public.port}")
        web.public.answers["/d/b.jpg"] = [response(BODY, IMAGE)]

        assert await web.fetch(redirect(location), path="/d/a.jpg") == BODY
        assert web.public.paths() == ["/d/a.jpg", "/d/b.jpg"]


@pytest.mark.parametrize(
    ("location", "outcome", "path"),
    [
        ("/é.jpg".encode(), BODY, "/%C3%A9.jpg"),
        ("/é.jpg".encode("latin-1"), "invalid_url", None),
        (b"/a b.jpg", BODY, "/a%20b.jpg"),
        (b"/" + b"b" * 2048, "invalid_url", None),
    ],
    ids=["UTF-8", "no encoding", "a blank", "too long"],
)
async def test_a_target_is_text_of_a_bearable_length(location: bytes, outcome: bytes | str, path: str | None) -> None:
    async with world() as web:
        if path:
            web.public.answers[path] = [response(BODY, IMAGE)]

        assert await web.fetch(redirect("PLACE").replace(b"PLACE", location)) == outcome
        assert web.public.paths() == ["/a.jpg", path][: 1 + bool(path)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_that_leads_nowhere_or_to_two_places_is_none(status: int) -> None:
    async with world() as web:
        assert await web.fetch(response(status=status)) == "status_other"
        assert await web.fetch(redirect("", status=status)) == "status_other"
        assert await web.fetch(redirect("/b.jpg", "Location: /c.jpg", status=status)) == "status_other"
        assert set(web.public.paths()) == {"/a.jpg"}


async def test_the_same_target_twice_is_one() -> None:
    async with world() as web:
        web.public.answers["/b.jpg"] = [response(BODY, IMAGE)]

        assert await web.fetch(redirect("/b.jpg", "Location: /b.jpg")) == BODY


@pytest.mark.parametrize("status", [300, 304, 305, 306])
async def test_other_statuses_lead_nowhere_whatever_they_name(status: int) -> None:
    async with world() as web:
        assert await web.fetch(redirect("/b.jpg", status=status)) == "status_other"
        assert web.public.paths() == ["/a.jpg"]


@pytest.mark.image_rule(8)
async def test_the_body_of_a_redirect_is_not_read() -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 302 Word\r\nLocation: /b.jpg\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
            await writer.drain()
            sent += 65_536

    async with world() as web:
        web.public.answers["/b.jpg"] = [response(BODY, IMAGE)]

        assert await web.fetch(endless) == BODY
        await until(lambda: web.public.open_connections == 1)
    assert sent < 16 * MIB  # what fits into the buffers of two sockets


@pytest.mark.image_rule(7)
async def test_all_hops_share_one_deadline() -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        writer.write(redirect("/a.jpg"))

    async with world(fetch_timeout_s=1, max_redirects=100) as web:
        started = asyncio.get_running_loop().time()

        assert await web.fetch(slow) == "timeout_total"
        assert 0.9 < asyncio.get_running_loop().time() - started < 3
        assert 1 < len(web.public.requests) <= 3
