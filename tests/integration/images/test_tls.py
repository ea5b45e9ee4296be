# SPDX-License-Identifier: Apache-2.0
"""https: whose certificate counts, and that no way leads back to http."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from consumer.errors import SettingsInvalid
from consumer.images.http import Fetcher
from consumer.observability.metrics import Metrics
from consumer.settings import ImageSettings
from tests.integration.images.authority import Authority
from tests.integration.images.hosts import BODY, IMAGE, PRIVATE, PUBLIC, Host, Names, redirect, response, world
from tests.support.punctual import ends_at
from tests.support.wait import until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"), f"DNS:shop.example,IP:{PUBLIC}")


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("another"), "DNS:shop.example")


NAMES = {"shop.example": [PUBLIC], "other.example": [PUBLIC]}


async def test_a_private_authority_is_trusted_beside_the_systems(authority: Authority) -> None:
    async with world(NAMES, authority.tls, ca_file=authority.ca_file) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]

        assert await web.get(web.url("/a.jpg", "shop.example")) == BODY
        assert await web.get(web.url("/a.jpg")) == BODY
        assert web.public.connections == 2


async def test_without_it_the_certificate_is_refused(authority: Authority) -> None:
    async with world(NAMES, authority.tls) as web:
        assert await web.get(web.url("/a.jpg", "shop.example")) == "connect"
        assert web.public.requests == []


async def test_an_authority_that_signed_others_does_not_help(authority: Authority, another: Authority) -> None:
    async with world(NAMES, authority.tls, ca_file=another.ca_file) as web:
        assert await web.get(web.url("/a.jpg", "shop.example")) == "connect"
        assert web.public.requests == []


async def test_the_dot_that_may_end_a_full_name_changes_nothing(authority: Authority) -> None:
    async with world({"shop.example.": [PUBLIC]}, authority.tls, ca_file=authority.ca_file) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]

        assert await web.get(web.url("/a.jpg", "shop.example.")) == BODY


@pytest.mark.parametrize("host", ["other.example", "SHOP.example.other.example"])
async def test_a_certificate_for_another_host_is_refused(authority: Authority, host: str) -> None:
    names = {**NAMES, host.lower(): [PUBLIC]}
    async with world(names, authority.tls, ca_file=authority.ca_file) as web:
        assert await web.get(web.url("/a.jpg", host)) == "connect"
        assert web.public.requests == []


@pytest.mark.image_rule(6)
@pytest.mark.parametrize(
    "target", [f"http://{PUBLIC}:PORT/b.jpg", "http://shop.example:PORT/b.jpg", "http://b.example/"]
)
async def test_no_redirect_leads_from_https_to_http(authority: Authority, target: str) -> None:
    async with world(NAMES, authority.tls, ca_file=authority.ca_file) as web:
        target = target.replace("PORT", str(web.public.port))

        assert await web.fetch(redirect(target)) == "redirect_downgrade"
        assert web.public.paths() == ["/a.jpg"]


@pytest.mark.image_rule(6)
async def test_the_scheme_is_kept_where_a_redirect_names_none(authority: Authority) -> None:
    async with world(NAMES, authority.tls, ca_file=authority.ca_file) as web:
        web.public.answers["/b.jpg"] = [response(BODY, IMAGE)]

        assert await web.fetch(redirect(f"//shop.example:{web.public.port}/b.jpg")) == BODY
        assert await web.fetch(redirect(f"//{PRIVATE}:{web.public.port}/b.jpg")) == "blocked_address"


@pytest.mark.image_rule(6)
async def test_a_redirect_may_lead_from_http_to_https(authority: Authority) -> None:
    plain = Host()
    server = await plain.start("127.0.0.4")
    excepted = (f"127.0.0.4/32:{plain.port}",)
    async with world(NAMES, authority.tls, ca_file=authority.ca_file, allow_private=excepted) as web:
        plain.answers["/a.jpg"] = [redirect(web.url("/b.jpg", "shop.example"))]
        web.public.answers["/b.jpg"] = [response(BODY, IMAGE)]

        assert await web.get(f"http://127.0.0.4:{plain.port}/a.jpg") == BODY
    server.close()
    await until(lambda: not plain.open_connections)


@pytest.mark.image_rule(7)
async def test_silence_instead_of_a_handshake_ends_at_the_connect_limit() -> None:
    async with world(connect_timeout_s=1, retries=0) as web:
        async with ends_at(1):
            assert await web.get(f"https://{PUBLIC}:{web.public.port}/a.jpg") == "timeout_connect"
        await until(lambda: not web.public.open_connections)


async def test_https_where_nobody_speaks_it_is_no_connection() -> None:
    async def speak_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(BODY, IMAGE))
        writer.close()

    server = await asyncio.start_server(speak_plainly, "127.0.0.4", 0)
    port = server.sockets[0].getsockname()[1]
    async with world(retries=0, allow_private=(f"127.0.0.4/32:{port}",)) as web:
        assert await web.get(f"https://127.0.0.4:{port}/a.jpg") == "connect"
    server.close()


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"])
async def test_a_file_without_authorities_is_refused_at_the_start(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SettingsInvalid, match=r"images\.ca_file"):
        await Fetcher.open(ImageSettings(ca_file=file), Metrics(), resolver=Names())
