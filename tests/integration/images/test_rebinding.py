# SPDX-License-Identifier: Apache-2.0
"""What a name stands for is judged when it is dialled, each time."""

from __future__ import annotations

import asyncio
import itertools
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from consumer.images.addresses import AddressPolicy
from consumer.images.http import Fetcher
from consumer.observability.metrics import Metrics
from consumer.settings import ImageSettings
from tests.integration.images.hosts import (
    BODY,
    IMAGE,
    PRIVATE,
    PUBLIC,
    Names,
    outcome_of,
    redirect,
    response,
    then_close,
    world,
)

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

    from consumer.events import FetchReason
    from consumer.images.addresses import Address

pytestmark = pytest.mark.image_rule(5)


@dataclass
class Turncoat(Names):
    """Answers one address after the other, round and round."""

    turns: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._turns = itertools.cycle(self.turns)

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        self.addresses[host] = [next(self._turns)]
        return await super().resolve(host, port, family)


async def test_a_name_that_turns_private_between_two_fetches_is_refused() -> None:
    async with world(Turncoat(turns=[PUBLIC, PRIVATE, PRIVATE]), dns_cache_s=0) as web:
        web.public.answers["/a.jpg"] = [then_close(response(BODY, IMAGE))]
        url = web.url("/a.jpg", "turncoat.example")

        assert await web.get(url) == BODY
        assert await web.get(url) == "blocked_address"
        assert len(web.public.requests) == 1
        assert web.private.connections == 0


async def test_a_name_that_turns_private_between_two_hops_is_refused() -> None:
    async with world(Turncoat(turns=[PUBLIC, PRIVATE]), dns_cache_s=0, retries=0) as web:
        web.public.answers["/a.jpg"] = [then_close(redirect("/b.jpg"))]

        assert await web.get(web.url("/a.jpg", "turncoat.example")) == "blocked_address"
        assert web.public.paths() == ["/a.jpg"]
        assert web.private.connections == 0


async def test_a_name_that_turns_private_before_the_retry_is_refused() -> None:
    async with world(Turncoat(turns=[PUBLIC, PRIVATE]), dns_cache_s=0) as web:
        web.public.answers["/a.jpg"] = [then_close(response(status=500))]

        assert await web.get(web.url("/a.jpg", "turncoat.example")) == "blocked_address"
        assert web.private.connections == 0


async def test_a_kept_connection_stays_where_it_was_judged() -> None:
    async with world(Turncoat(turns=[PUBLIC, PRIVATE, PRIVATE]), dns_cache_s=0) as web:
        web.public.answers = {"/a.jpg": [redirect("/b.jpg")], "/b.jpg": [response(BODY, IMAGE)]}

        assert await web.get(web.url("/a.jpg", "turncoat.example")) == BODY
        assert web.public.connections == 1


@pytest.mark.parametrize(
    ("addresses", "outcome"),
    [
        ([PUBLIC], BODY),
        ([PRIVATE], "blocked_address"),
        ([PRIVATE, PUBLIC], BODY),
        ([PUBLIC, PRIVATE], BODY),
        (["127.0.0.4", PRIVATE], "blocked_address"),
        ([f"::ffff:{PRIVATE}"], "blocked_address"),
        ([f"64:ff9b::{PRIVATE}"], "blocked_address"),
        ([f"::{PRIVATE}"], "blocked_address"),
        (["::1"], "blocked_address"),
        (["::"], "blocked_address"),
        (["0.0.0.0"], "blocked_address"),
        (["169.254.169.254"], "blocked_address"),
        (["10.0.0.1", "192.168.0.1", "fd00::1"], "blocked_address"),
        (["224.0.0.1"], "blocked_address"),
    ],
    ids=str,
)
async def test_a_name_is_judged_by_what_it_resolves_to(addresses: list[str], outcome: bytes | str) -> None:
    async with world({"shop.example": addresses}) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]

        assert await web.get(web.url("/a.jpg", "shop.example")) == outcome
        assert web.private.connections == 0


async def test_a_name_that_does_not_exist_is_tried_twice_and_says_nothing_of_the_host() -> None:
    resolver = Names()
    async with world(resolver) as web:
        assert await web.get(web.url("/a.jpg", "no.example")) == "dns"
        assert resolver.asked == ["no.example"] * 2
        assert [await web.get(web.url("/a.jpg", "no.example")) for _ in range(5)] == ["dns"] * 5
        assert web.fetcher._hosts.open == 0


async def test_the_machines_own_resolver_is_judged_like_any_other() -> None:
    metrics = Metrics()
    async with asyncio.timeout(20):
        fetcher = await Fetcher.open(ImageSettings(), metrics)
        try:
            assert await outcome_of(fetcher, "http://localhost/a.jpg") == "blocked_address"
        finally:
            await fetcher.close()


async def test_a_refused_address_is_named_even_when_the_other_one_fails_otherwise() -> None:
    closed = await asyncio.start_server(lambda *_: None, "127.0.0.4", 0)
    port = closed.sockets[0].getsockname()[1]
    closed.close()
    names = {"mixed.example": [PRIVATE, "127.0.0.4"], "closed.example": ["127.0.0.4"]}
    async with world(names, allow_private=(f"127.0.0.4/32:{port}",)) as web:
        reasons = [await web.get(f"http://{name}:{port}/") for name in names]

        assert reasons == ["blocked_address", "connect"]


async def test_of_a_name_with_a_thousand_addresses_few_are_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    dialled: list[str] = []
    policy_judge = AddressPolicy.judge

    def watched(policy: AddressPolicy, address: Address, port: int) -> FetchReason | None:
        dialled.append(str(address))
        return policy_judge(policy, address, port)

    monkeypatch.setattr(AddressPolicy, "judge", watched)
    addresses = [f"127.1.{high}.{low}" for high in range(4) for low in range(250)]
    with socket.socket() as deaf:
        deaf.bind(("127.1.0.0", 0))  # nobody listens, and nobody else can
        port = deaf.getsockname()[1]
        async with world({"many.example": addresses}, retries=0, allow_private=(f"127.1.0.0/16:{port}",)) as web:
            assert await web.get(f"http://many.example:{port}/a.jpg") == "connect"

    assert 1 < len(dialled) <= 10


async def test_a_name_with_a_thousand_private_addresses_is_refused_once() -> None:
    addresses = [f"10.0.{high}.{low}" for high in range(4) for low in range(250)]
    async with world({"many.example": addresses}) as web:
        with capture_logs() as logs:
            assert await web.get(web.url("/a.jpg", "many.example")) == "blocked_address"

    (refused,) = [entry for entry in logs if entry["event"] == "image_address_refused"]
    assert refused["target"].startswith("http://many.example:")
    assert refused["address"] in addresses
    assert refused["vendor_id"] == "acme"


async def test_one_family_does_not_crowd_out_the_other() -> None:
    addresses = [*(f"fd00::{number:x}" for number in range(100)), PUBLIC]
    async with world({"both.example": addresses}) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]

        assert await web.get(web.url("/a.jpg", "both.example")) == BODY


async def test_an_exception_for_a_port_does_not_open_it_for_other_public_addresses() -> None:
    """Never dialled: 8.8.8.8 stands for any public address; the test suite's own guard would catch the attempt."""
    async with world(names={"shop.example": ["8.8.8.8"]}) as web:
        assert await web.get(web.url("/a.jpg", "shop.example")) == "port"


async def test_an_address_of_this_machine_is_refused_even_if_it_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a vendor could reach, by our own public address, what listens on it for us."""
    monkeypatch.setattr(AddressPolicy, "is_public", lambda *_: True)
    async with world() as web:
        settings = ImageSettings(ports=(web.private.port,))
        fetcher = await Fetcher.open(settings, Metrics(), resolver=Names({"us.example": [PRIVATE]}))

        assert await outcome_of(fetcher, web.url("/a.jpg", "us.example")) == "blocked_address"
        assert await outcome_of(fetcher, web.url("/a.jpg", PRIVATE)) == "blocked_address"
        assert web.private.connections == 0
        await fetcher.close()
