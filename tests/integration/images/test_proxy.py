# SPDX-License-Identifier: Apache-2.0
"""Both kinds of egress: direct ignores every proxy, proxy dials nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from consumer.errors import SettingsInvalid
from consumer.images.http import Fetcher
from consumer.images.memory import BodyMemory
from consumer.observability.metrics import Metrics
from consumer.settings import Egress, ImageSettings
from tests.integration.images.authority import Authority
from tests.integration.images.hosts import (
    BODY,
    IMAGE,
    PRIVATE,
    PUBLIC,
    Names,
    World,
    full_listener,
    redirect,
    response,
    world,
)
from tests.integration.images.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.image_rule(15)
PROXY = "127.0.0.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"), "DNS:shop.example")


@dataclass
class Behind:
    """A world that is reached through a proxy only, and the names that the fetcher asked for."""

    web: World
    proxy: Proxy
    resolver: Names


@contextlib.asynccontextmanager
async def behind_a_proxy(authority: Authority | None = None, **settings: Any) -> AsyncIterator[Behind]:
    """The proxy knows `shop.example`, and nothing of what the fetcher's own resolver would tell."""
    proxy, resolver = Proxy({"shop.example": PUBLIC}), Names({"proxy.example": [PROXY], "shop.example": [PRIVATE]})
    server = await proxy.start(PROXY)
    if authority:
        settings["ca_file"] = authority.ca_file
    url = SecretStr(f"http://user:secret@proxy.example:{proxy.port}")
    async with world(
        resolver, authority.tls if authority else None, egress=Egress.PROXY, proxy_url=url, **settings
    ) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]
        yield Behind(web, proxy, resolver)
        assert set(resolver.asked) <= {"proxy.example"}
    server.close()


async def test_proxy_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as web:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{PRIVATE}:{web.private.port}")

        assert await web.fetch(response(BODY, IMAGE)) == BODY
        assert web.private.connections == 0


async def test_proxy_variables_do_not_lead_around_the_proxy_either(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "*")
    async with behind_a_proxy() as there:
        assert await there.web.get(there.web.url("/a.jpg", "shop.example")) == BODY
        assert len(there.proxy.requests) == 1


async def test_http_goes_to_the_proxy_whole_with_its_credentials() -> None:
    async with behind_a_proxy() as there:
        url = there.web.url("/a.jpg", "shop.example")

        assert await there.web.get(url) == BODY
        ((method, target, headers),) = there.proxy.requests
        assert (method, target) == ("GET", url)
        assert headers["proxy-authorization"].startswith("basic ")


async def test_https_goes_through_a_tunnel_and_the_hosts_certificate_counts(authority: Authority) -> None:
    async with behind_a_proxy(authority) as there:
        there.proxy.names["other.example"] = PUBLIC

        assert await there.web.get(there.web.url("/a.jpg", "shop.example")) == BODY
        assert await there.web.get(there.web.url("/a.jpg", "other.example")) == "connect"
        assert {method for method, _, _ in there.proxy.requests} == {"CONNECT"}
        ((_, headers),) = there.web.public.requests
        assert "proxy-authorization" not in headers


@pytest.mark.parametrize("refusal", [403, 407])
async def test_what_the_proxy_will_not_connect_to_is_a_blocked_address(authority: Authority, refusal: int) -> None:
    async with behind_a_proxy(authority) as there:
        there.proxy.refusal = refusal

        assert await there.web.get(there.web.url("/a.jpg", "inside.example")) == "blocked_address"
        assert len(there.proxy.requests) == 2  # as for a host that the proxy cannot reach: the vendor may watch
        assert there.web.fetcher._hosts.open == 0


async def test_in_a_tunnel_407_is_the_word_of_the_host(authority: Authority) -> None:
    async with behind_a_proxy(authority) as there:
        there.web.public.answers["/a.jpg"] = [response(status=407)]

        assert await there.web.get(there.web.url("/a.jpg", "shop.example")) == "status_4xx"


@pytest.mark.parametrize(("refusal", "reason"), [(407, "blocked_address"), (403, "status_4xx")])
async def test_over_http_only_407_is_surely_the_proxys_own_word(refusal: int, reason: str) -> None:
    async with behind_a_proxy() as there:
        there.proxy.refusal = refusal

        assert await there.web.get(there.web.url("/a.jpg", "inside.example")) == reason


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"http://{PRIVATE}/a.jpg", "blocked_address"),
        ("http://10.0.0.1/a.jpg", "blocked_address"),
        ("http://[::ffff:10.0.0.1]/a.jpg", "blocked_address"),
        ("http://169.254.169.254/latest/meta-data/", "blocked_address"),
        ("http://shop.example:22/a.jpg", "port"),
        ("http://user@shop.example/a.jpg", "userinfo"),
        ("http://0x7f.1/a.jpg", "invalid_url"),
        ("file:///etc/passwd", "scheme"),
    ],
)
async def test_what_can_be_judged_without_a_look_up_is_judged_before_the_proxy_hears_of_it(
    url: str, reason: str
) -> None:
    async with behind_a_proxy() as there:
        assert await there.web.get(url) == reason
        assert there.proxy.requests == []

        there.web.public.answers["/b.jpg"] = [redirect(url)]
        assert await there.web.get(there.web.url("/b.jpg", "shop.example")) == reason
        assert len(there.proxy.requests) == 1


async def test_every_hop_goes_through_the_proxy() -> None:
    async with behind_a_proxy() as there:
        there.proxy.names["cdn.example"] = PUBLIC
        first, second = there.web.url("/b.jpg", "shop.example"), there.web.url("/a.jpg", "cdn.example")
        there.web.public.answers["/b.jpg"] = [redirect(second)]

        assert await there.web.get(first) == BODY
        assert there.proxy.targets() == [first, second]


async def test_a_proxy_that_is_down_is_no_fault_of_the_hosts(authority: Authority) -> None:
    proxy = Proxy()
    (await proxy.start(PROXY)).close()
    settings: dict[str, Any] = {"egress": Egress.PROXY, "proxy_url": SecretStr(f"http://{PROXY}:{proxy.port}")}
    async with world(None, authority.tls, breaker_failures=2, retries=0, **settings) as web:
        for url in ("http://shop.example/a.jpg", "https://shop.example/a.jpg"):
            assert [await web.get(url) for _ in range(6)] == ["connect"] * 6
        assert web.fetcher._hosts.open == 0


async def test_a_proxy_that_takes_no_connection_up_is_no_fault_of_the_hosts(authority: Authority) -> None:
    async with full_listener(PROXY) as port:
        settings: dict[str, Any] = {"egress": Egress.PROXY, "proxy_url": SecretStr(f"http://{PROXY}:{port}")}
        limits: dict[str, Any] = {"breaker_failures": 2, "retries": 0, "connect_timeout_s": 0.1}
        async with world(None, authority.tls, **limits, **settings) as web:
            for url in ("http://shop.example/a.jpg", "https://shop.example/a.jpg"):
                assert [await web.get(url) for _ in range(4)] == ["timeout_connect"] * 4
            assert web.fetcher._hosts.open == 0


async def test_a_tunnel_that_does_not_come_up_speaks_against_the_host(authority: Authority) -> None:
    """The proxy waits for the host, and would answer quickly for itself."""

    async def wait_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(wait_on, PROXY, 0)
    url = SecretStr(f"http://{PROXY}:{server.sockets[0].getsockname()[1]}")
    limits: dict[str, Any] = {"breaker_failures": 2, "retries": 0, "connect_timeout_s": 0.1}
    async with world(None, authority.tls, egress=Egress.PROXY, proxy_url=url, **limits) as web:
        reasons = [await web.get("https://shop.example/a.jpg") for _ in range(3)]
    server.close()

    assert reasons == ["timeout_connect", "timeout_connect", "circuit_open"]


async def test_a_name_of_the_proxy_that_nobody_knows_is_no_fault_of_the_hosts() -> None:
    settings: dict[str, Any] = {"egress": Egress.PROXY, "proxy_url": SecretStr("http://no.example:4750")}
    async with world({}, breaker_failures=2, retries=0, **settings) as web:
        assert {await web.get("http://shop.example/a.jpg") for _ in range(6)} <= {"connect", "dns"}
        assert web.fetcher._hosts.open == 0


async def test_the_proxys_credentials_are_told_to_nobody_else(authority: Authority) -> None:
    with capture_logs() as logs:
        async with behind_a_proxy(authority) as there:
            for name in ("shop.example", "inside.example"):
                with BodyMemory(1 << 20).share() as share:
                    result = await there.web.fetcher.fetch(there.web.url("/a.jpg", name), "acme", share)
                assert "secret" not in repr(result) + str([step.as_dict() for step in result.steps])
            assert "secret" not in str(there.web.public.requests)
            assert "secret" not in repr(there.web.settings)
    assert "secret" not in str(logs)


@pytest.mark.parametrize(
    "proxy_url", [None, "", "secret", "http://", "socks5://user:secret@proxy:1", "http://user:secret@proxy:99999"]
)
async def test_an_egress_that_cannot_be_guarded_is_refused_at_the_start(proxy_url: str | None) -> None:
    settings = ImageSettings(egress=Egress.PROXY, proxy_url=None if proxy_url is None else SecretStr(proxy_url))

    with pytest.raises(SettingsInvalid, match=r"images\.proxy_url") as refused:
        await Fetcher.open(settings, Metrics(), resolver=Names())

    assert "secret" not in str(refused.value) + repr(refused.value.__cause__)
