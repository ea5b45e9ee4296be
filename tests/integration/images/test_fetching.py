# SPDX-License-Identifier: Apache-2.0
"""What a host sees of a fetch, and what is kept of it."""

from __future__ import annotations

import asyncio

import pytest

from consumer.images.fetched import Fetched
from consumer.images.memory import BodyMemory
from tests.integration.images.hosts import (
    BODY,
    IMAGE,
    MIB,
    PUBLIC,
    SILENCE,
    chunked,
    redirect,
    response,
    then_close,
    when_told,
    world,
)
from tests.support.descriptors import no_descriptor_left
from tests.support.wait import until


async def test_a_picture_comes_whole() -> None:
    async with world() as web:
        assert await web.fetch(response(BODY, IMAGE)) == BODY
        assert await web.fetch(chunked(BODY)) == BODY
        assert await web.fetch(then_close(response(BODY, IMAGE, length=-1))) == BODY
        assert web.outcomes("ok") == 3


@pytest.mark.image_rule(4)
async def test_the_request_says_who_asks_and_nothing_else() -> None:
    async with world() as web:
        await web.fetch(response(BODY, IMAGE))

        ((_, headers),) = web.public.requests
        assert headers["user-agent"].startswith("hangtag/")
        assert "example.org" in headers["user-agent"]
        assert headers["accept-encoding"] == "identity"
        assert set(headers) == {"host", "accept", "accept-encoding", "user-agent"}


@pytest.mark.image_rule(4)
async def test_cookies_are_sent_neither_to_the_host_that_set_them_nor_to_another() -> None:
    async with world(names={"a.example": [PUBLIC], "b.example": [PUBLIC]}) as web:
        web.public.answers["/b.jpg"] = [response(BODY, IMAGE, "Set-Cookie: b=2")]
        cookie = "Set-Cookie: a=1; Path=/; Domain=example"
        web.public.answers["/a.jpg"] = [redirect(web.url("/b.jpg", "b.example"), cookie)]

        assert await web.get(web.url("/a.jpg", "a.example")) == BODY
        assert await web.get(web.url("/a.jpg", "a.example")) == BODY
        assert await web.get(web.url("/b.jpg", "a.example")) == BODY
        assert len(web.public.requests) == 5
        assert not any("cookie" in headers for _, headers in web.public.requests)


@pytest.mark.image_rule(4)
async def test_nobody_is_told_where_we_come_from_nor_a_password_from_netrc(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text(f"machine {PUBLIC} login user password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with world() as web:
        web.public.answers["/b.jpg"] = [response(BODY, IMAGE)]

        assert await web.fetch(redirect("/b.jpg")) == BODY
        assert not any({"referer", "authorization"} & headers.keys() for _, headers in web.public.requests)


@pytest.mark.image_rule(16)
async def test_the_host_header_is_that_of_the_url_on_every_hop() -> None:
    async with world(names={"a.example": [PUBLIC], "b.example": [PUBLIC]}) as web:
        web.public.answers["/a.jpg"] = [redirect(web.url("/b.jpg", "b.example"))]
        web.public.answers["/b.jpg"] = [response(BODY, IMAGE)]

        assert await web.get(web.url("/a.jpg", "a.example")) == BODY
        hosts = [headers["host"] for _, headers in web.public.requests]
        assert hosts == [f"{name}:{web.public.port}" for name in ("a.example", "b.example")]


async def test_connections_are_kept_and_names_are_not_looked_up_again() -> None:
    async with world(names={"shop.example": [PUBLIC]}) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]

        assert [await web.get(web.url("/a.jpg", "shop.example")) for _ in range(5)] == [BODY] * 5
        assert web.public.connections == 1


async def test_it_is_counted_what_was_opened_and_how_long_each_part_took() -> None:
    async with world(names={"shop.example": [PUBLIC]}) as web:
        web.public.answers = {"/a.jpg": [response(BODY, IMAGE)], "/silent.jpg": [SILENCE]}

        def value(name: str, **labels: str) -> float | None:
            return web.metrics.registry.get_sample_value(f"hangtag_image_{name}", labels)

        for _ in range(5):
            await web.get(web.url("/a.jpg", "shop.example"))
        await web.get("http://10.0.0.1/")
        silent = asyncio.create_task(web.get(web.url("/silent.jpg", "shop.example")))
        await until(lambda: value("in_flight") == 1)

        assert [value("connections_total", connection=kind) for kind in ("new", "reused")] == [1, 4]
        phases = ("dns", "connect", "ttfb", "body")
        assert [value("fetch_seconds_count", phase=phase) for phase in phases] == [1, 1, 5, 5]
        assert value("blocked_total", reason="blocked_address") == 1
        assert (web.outcomes("ok"), web.outcomes("blocked_address")) == (5, 1)
        silent.cancel()
        await asyncio.gather(silent, return_exceptions=True)
        assert (value("in_flight"), value("queue_depth"), value("hosts_open")) == (0, 0, 0)


async def test_the_result_names_the_url_as_the_vendor_sent_it() -> None:
    async with world() as web:
        web.public.answers["/a%20b.jpg"] = [response(BODY, IMAGE)]
        url = web.url("/a b.jpg#front")

        with BodyMemory(MIB).share() as share:
            fetched = await web.fetcher.fetch(url, "acme", share)

        assert isinstance(fetched, Fetched)
        assert (fetched.url, fetched.body) == (url, BODY)


async def test_beyond_the_connections_kept_alive_each_image_gets_its_own() -> None:
    names = {f"{letter}.example": [PUBLIC] for letter in "abc"}
    async with world(names=names, connections_kept_alive=1) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]

        for name in ("a.example", *["b.example"] * 3, "c.example", "a.example"):
            assert await web.get(web.url("/a.jpg", name)) == BODY

        assert web.public.connections == 1 + 3 + 1
        await until(lambda: web.public.open_connections == 1)


async def test_one_host_keeps_no_more_connections_than_all_may() -> None:
    go_on = asyncio.Event()
    async with world(connections_kept_alive=2, retries=0) as web:
        web.public.answers["/a.jpg"] = [when_told(go_on, response(BODY, IMAGE))]
        fetches = [asyncio.create_task(web.get(web.url(f"/a.jpg?{number}"))) for number in range(6)]
        web.public.answers |= {f"/a.jpg?{number}": web.public.answers["/a.jpg"] for number in range(6)}
        await until(lambda: len(web.public.requests) == 6)
        go_on.set()

        assert await asyncio.gather(*fetches) == [BODY] * 6
        await until(lambda: web.public.open_connections == 2)


async def test_that_we_have_no_descriptor_left_is_no_fault_of_the_hosts() -> None:
    async with world(breaker_failures=2, retries=0) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]
        with no_descriptor_left():
            assert [await web.get(web.url("/a.jpg")) for _ in range(4)] == ["connect"] * 4

        assert await web.get(web.url("/a.jpg")) == BODY
