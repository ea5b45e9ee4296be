# SPDX-License-Identifier: Apache-2.0
"""Doctor's attempt to have a private address dialled: on loopback, by the real fetcher."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest

from consumer.doctor.finding import Status
from consumer.doctor.images import _verdict, check_images
from consumer.errors import SettingsInvalid
from consumer.events import FetchReason
from consumer.images import http
from consumer.images.addresses import AddressPolicy
from consumer.images.fetched import FetchFailed
from consumer.kafka.event_loop import EventLoopThread
from consumer.settings import ImageSettings
from tests.integration.images.hosts import BODY, IMAGE, redirect, response
from tests.integration.images.proxy import Proxy

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from consumer.doctor.finding import Finding
    from tests.integration.doctor.conftest import Commands

LIMIT_S = 20


def tried(**settings: Any) -> Finding:
    """The finding about the attempt."""
    (finding,) = (
        finding for finding in check_images(ImageSettings(**settings), LIMIT_S) if finding.check == "image_egress"
    )
    return finding


@pytest.mark.image_rule(5)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"schemes": ("https",)},
        {"allowed_hosts": {"*": ("cdn.example.org",)}},
        {"denied_hosts": {"*": ("localhost",)}},
        {"allow_private": tuple(f"127.0.0.0/16:{port}" for port in (80, 443, 8123))},
    ],
    ids=lambda settings: " ".join(settings) or "defaults",
)
def test_a_private_address_is_refused_as_such_and_when_a_name_is_dialled(settings: dict[str, Any]) -> None:
    finding = tried(**settings)

    assert finding.status is Status.OK, finding


def test_it_keeps_away_from_the_ports_of_the_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
    ports = iter([port, 0, 0])
    create = socket.create_server
    monkeypatch.setattr(socket, "create_server", lambda address: create((address[0], next(ports))))

    finding = tried(allow_private=(f"127.0.0.1/32:{port}",))

    assert finding.status is Status.OK, finding
    assert next(ports) == 0  # the first listener was given up for a second


def test_a_factory_that_lets_everything_through_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "judge", lambda *_: None)

    finding = tried()

    assert finding.status is Status.FAILED
    assert "1 connections arrived (127.0.0.1: blocked_address, localhost: " in finding.found


def test_a_policy_that_lets_everything_through_fails_and_doctor_exits_with_1(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AddressPolicy, "judge", lambda *_: None)
    monkeypatch.setattr(http, "judge", lambda *_: None)
    commands.set(kafka__bootstrap_servers="127.0.0.1:1")

    report = commands.report("doctor", "--timeout", "1")

    assert report.status("image_egress") == "failed"
    assert "2 connections arrived" in report.of("image_egress")["found"]
    assert report.exit_code == 1


@pytest.mark.parametrize("reason", [FetchReason.DNS, FetchReason.TIMEOUT_CONNECT, FetchReason.TIMEOUT_TOTAL])
def test_a_name_that_is_not_found_in_time_proves_nothing(reason: FetchReason) -> None:
    by_address = FetchFailed("http://127.0.0.1/", FetchReason.BLOCKED_ADDRESS)

    assert (
        _verdict([by_address, FetchFailed("http://localhost/", reason, told=FetchReason.DNS)], 0).status
        is Status.UNKNOWN
    )
    assert (
        _verdict([by_address, FetchFailed("http://localhost/", reason, told=FetchReason.DNS)], 1).status
        is Status.FAILED
    )
    assert (
        _verdict([by_address, FetchFailed("http://localhost/", FetchReason.TIMEOUT_TOTAL)], 0).status is Status.FAILED
    )


@contextlib.contextmanager
def running(proxy: Proxy) -> Iterator[dict[str, Any]]:
    """The settings that lead through it."""
    with EventLoopThread("proxy") as loop:
        server = loop.run(proxy.start("127.0.0.1"))
        yield {"egress": "proxy", "proxy_url": f"http://user:secret@127.0.0.1:{proxy.port}"}
        loop.run(closed(server))


async def closed(server: asyncio.Server) -> None:
    server.close()


@pytest.mark.image_rule(15)
@pytest.mark.parametrize("refusal", [403, 407])
def test_a_proxy_that_refuses_its_own_loopback_is_as_it_should_be(refusal: int) -> None:
    proxy = Proxy(refusal=refusal)
    with running(proxy) as settings:
        finding = tried(**settings)

    assert finding.status is Status.OK, finding
    assert sorted(proxy.targets()) == ["http://localhost/", "localhost:443"]
    assert "secret" not in finding.found


@pytest.mark.image_rule(15)
@pytest.mark.parametrize(("scheme", "target"), [("http", "http://localhost/"), ("https", "localhost:443")])
def test_a_proxy_is_asked_for_the_schemes_that_vendors_may_use(scheme: str, target: str) -> None:
    proxy = Proxy()
    with running(proxy) as settings:
        finding = tried(schemes=(scheme,), **settings)

    assert finding.status is Status.OK, finding
    assert proxy.targets() == [target]


@pytest.mark.image_rule(15)
@pytest.mark.parametrize(
    ("page", "answer"),
    [
        (response(status=502), "status_5xx (502)"),
        (response(status=401), "status_4xx (401)"),
        (response(status=404), "status_4xx (404)"),
        (response(b"admin", "Content-Type: text/html"), "content_type (text/html)"),
        (response(BODY, IMAGE), "fetched (200)"),
        (redirect("https://localhost/"), "blocked_address (the proxy answers 403)"),
        (redirect("http://10.0.0.1/"), "blocked_address (blocked_address)"),
    ],
    ids=["nobody listens", "401", "404", "page", "picture", "to https", "to an address"],
)
def test_a_proxy_that_refuses_tunnels_only_fails(page: bytes, answer: str) -> None:
    with running(Proxy(page=page)) as settings:
        finding = tried(**settings)

    assert finding.status is Status.FAILED, finding
    assert "does not refuse localhost" in finding.found
    assert f"http://localhost/ {answer}" in finding.found


@pytest.mark.image_rule(15)
def test_a_proxy_that_refuses_all_but_tunnels_fails() -> None:
    with running(Proxy(refusal=502, page=response(status=403))) as settings:
        finding = tried(**settings)

    assert finding.status is Status.FAILED, finding
    assert "https://localhost/ connect (the proxy answers 502)" in finding.found


@pytest.mark.image_rule(15)
def test_a_proxy_that_tries_to_reach_its_own_loopback_fails() -> None:
    with running(Proxy({"localhost": "127.0.0.3"})) as settings:  # where nobody listens
        finding = tried(**settings)

    assert finding.status is Status.FAILED
    assert "does not refuse localhost" in finding.found


def test_a_proxy_that_is_not_there_or_does_not_know_us_fails_and_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nobody = tried(egress="proxy", proxy_url=f"http://127.0.0.1:{port}")
    with running(Proxy(refusal=407, headers=("Proxy-Authenticate: Basic",))) as settings:
        stranger = tried(**settings)

    assert nobody.status is stranger.status is Status.FAILED
    assert "https://localhost/ connect (the proxy: Connect call failed" in nobody.found
    assert "https://localhost/ connect (the proxy answers 407)" in stranger.found


def test_a_proxy_that_is_not_named_ends_doctor_before_it_asks_anybody(commands: Commands) -> None:
    commands.set(images__egress="proxy")

    with pytest.raises(SettingsInvalid, match=r"images\.proxy_url"):
        commands.report("doctor")


def test_an_answer_that_is_no_refusal_fails_although_nothing_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AddressPolicy, "judge", lambda *_: FetchReason.PORT)

    finding = tried()

    assert finding.status is Status.FAILED
    assert "0 connections arrived" in finding.found
