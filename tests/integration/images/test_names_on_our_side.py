# SPDX-License-Identifier: Apache-2.0
"""A vendor learns nothing of names that only we can resolve; whoever runs this learns all of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from consumer.events import FetchReason
from consumer.images.fetched import FetchFailed
from consumer.images.memory import BodyMemory
from tests.integration.images.hosts import (
    BODY,
    IMAGE,
    PRIVATE,
    PUBLIC,
    SILENCE,
    Host,
    Names,
    full_listener,
    redirect,
    response,
    world,
)
from tests.support.wait import until

if TYPE_CHECKING:
    import socket

    from consumer.images.fetched import FetchResult
    from tests.integration.images.hosts import World

pytestmark = pytest.mark.image_rule(5)


async def fetch(web: World, url: str) -> FetchResult:
    with BodyMemory(1 << 20).share() as share:
        return await web.fetcher.fetch(url, "acme", share)


def heard(result: FetchResult) -> FetchReason:
    """What the vendor reads in the event."""
    assert isinstance(result, FetchFailed)
    return result.told or result.reason


def refusals(logs: Any) -> list[tuple[str, str | None]]:
    return [(entry["target"], entry["address"]) for entry in logs if entry["event"] == "image_address_refused"]


@pytest.mark.parametrize("address", [PRIVATE, "::1", "10.0.0.1", "8.8.8.8"], ids=str)
async def test_a_name_on_our_side_reads_like_one_that_nobody_knows(address: str) -> None:
    """8.8.8.8: its port is open for an exception only, which is ours to know. It is never dialled."""
    async with world({"inside.example": [address]}) as web:
        inside = await fetch(web, web.url("/a.jpg", "inside.example"))
        unknown = await fetch(web, web.url("/a.jpg", "no.example"))

        assert heard(inside) is heard(unknown) is FetchReason.DNS
        assert isinstance(inside, FetchFailed)
        assert inside.reason in {FetchReason.BLOCKED_ADDRESS, FetchReason.PORT}


async def test_the_host_that_redirects_sees_no_difference_either() -> None:
    names = {"shop.example": [PUBLIC], "inside.example": [PRIVATE]}
    async with world(names) as web:
        web.public.answers = {
            "/1.jpg": [redirect(web.url("/b.jpg", "inside.example"))],
            "/2.jpg": [redirect(web.url("/b.jpg", "no.example"))],
        }
        heard_words = [heard(await fetch(web, web.url(path, "shop.example"))) for path in ("/1.jpg", "/2.jpg")]

        assert heard_words == [FetchReason.DNS] * 2
        assert web.public.paths() == ["/1.jpg", "/1.jpg", "/2.jpg", "/2.jpg"]


async def test_an_address_in_the_url_is_called_what_it_is() -> None:
    async with world() as web:
        assert heard(await fetch(web, web.url("/a.jpg", PRIVATE))) is FetchReason.BLOCKED_ADDRESS


async def test_a_picture_from_a_name_that_has_a_private_address_too_is_told_in_the_log() -> None:
    async with world({"both.example": [PRIVATE, PUBLIC]}) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]
        url = web.url("/a.jpg", "both.example")
        with capture_logs() as logs:
            result = await fetch(web, url)

        assert refusals(logs) == [(url, PRIVATE)]
        assert web.metrics.registry.get_sample_value("hangtag_image_blocked_total", {"reason": "blocked_address"}) == 1
        assert [(step.kind.value, step.address, step.outcome) for step in result.steps] == [
            ("refused", PRIVATE, "blocked_address"),
            ("request", PUBLIC, "200"),
        ]


async def test_an_address_that_is_refused_for_its_port_is_the_one_in_the_log() -> None:
    """8.8.8.8 is never dialled."""
    async with world({"both.example": ["8.8.8.8", PUBLIC]}) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]
        url = web.url("/a.jpg", "both.example")
        with capture_logs() as logs:
            await fetch(web, url)

        assert refusals(logs) == [(url, "8.8.8.8")]


async def test_a_private_address_beside_a_silent_one_does_not_keep_the_host_from_being_left_alone() -> None:
    """Else each of its URLs would hold a slot until the connect timeout."""
    async with full_listener("127.0.0.4") as port:
        names = Names({"mixed.example": [PRIVATE, "127.0.0.4"]})
        allowed = (f"127.0.0.4/32:{port}",)
        async with world(names, retries=0, connect_timeout_s=0.2, breaker_failures=2, allow_private=allowed) as web:
            url = f"http://mixed.example:{port}/a.jpg"
            with capture_logs() as logs:
                results = [await fetch(web, url) for _ in range(3)]

            reasons = [result.reason.value for result in results if isinstance(result, FetchFailed)]
            assert reasons == ["blocked_address", "timeout_connect", "circuit_open"]  # the first address takes turns
            assert refusals(logs) == [(url, PRIVATE)]


async def test_a_look_up_that_the_deadline_ends_reads_like_one_that_found_nothing() -> None:
    """The host before may leave as little time as it likes: enough for a name on our side, not for an unknown one."""
    async with world({"inside.example": [PRIVATE], "slow.example": []}, fetch_timeout_s=0.3) as web:
        inside = await fetch(web, web.url("/a.jpg", "inside.example"))
        unknown = await fetch(web, web.url("/a.jpg", "slow.example"))

        assert isinstance(unknown, FetchFailed)
        assert unknown.reason is FetchReason.TIMEOUT_TOTAL
        assert heard(inside) is heard(unknown) is FetchReason.DNS


async def test_what_ends_a_request_that_was_sent_is_told_as_it_is() -> None:
    async with world(fetch_timeout_s=0.3, retries=0) as web:
        web.public.answers["/a.jpg"] = [SILENCE]

        assert heard(await fetch(web, web.url("/a.jpg"))) is FetchReason.TIMEOUT_TOTAL


@pytest.mark.parametrize("answer", [response(status=404), redirect("file:///secret")], ids=["nothing", "elsewhere"])
async def test_a_refused_address_is_told_whatever_the_other_one_answers(answer: bytes) -> None:
    async with world({"both.example": [PRIVATE, PUBLIC]}) as web:
        web.public.answers["/a.jpg"] = [answer]
        url = web.url("/a.jpg", "both.example")
        with capture_logs() as logs:
            await fetch(web, url)

        assert refusals(logs) == [(url, PRIVATE)]


async def test_the_address_of_a_step_is_the_one_that_was_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one is slow to come up, aiohttp tries the next one meanwhile, and here the first one comes up after all."""
    host, silent = Host({"/a.jpg": [response(BODY, IMAGE)]}), "127.0.0.4"
    server = await host.start(PUBLIC)
    allowed = tuple(f"{address}/32:{host.port}" for address in (PUBLIC, silent))
    async with world({"both.example": [PUBLIC, silent]}, allow_private=allowed) as web:
        loop, both_are_tried = asyncio.get_running_loop(), asyncio.Event()
        connect = loop.sock_connect

        async def race(sock: socket.socket, address: tuple[str, int]) -> None:
            if address[0] == silent:
                both_are_tried.set()
                await asyncio.Event().wait()
            await both_are_tried.wait()
            await connect(sock, address)

        monkeypatch.setattr(loop, "sock_connect", race)
        result = await fetch(web, f"http://both.example:{host.port}/a.jpg")

        assert both_are_tried.is_set()
        assert [(step.kind.value, step.address, step.outcome) for step in result.steps] == [("request", PUBLIC, "200")]
    server.close()
    await until(lambda: not host.open_connections)
