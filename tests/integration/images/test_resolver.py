# SPDX-License-Identifier: Apache-2.0
"""The real resolver against a name server on loopback that answers some names only."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import pytest

from consumer.images.resolving import make_resolver
from consumer.settings import Egress, ImageSettings
from tests.support.name_server import ADDRESS, KNOWN_NAME, NameServer, resolver_at
from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.abc import AbstractResolver

#: As many as may be in flight, and fewer than a socket's buffer holds.
SILENT_NAMES = 120


@contextlib.asynccontextmanager
async def resolver_of(server: NameServer) -> AsyncIterator[AbstractResolver]:
    resolver = resolver_at(await server.listen(), timeout_s=3)
    try:
        yield resolver
    finally:
        await resolver.close()
        server.close()


@pytest.mark.image_rule(7)
async def test_names_that_nobody_answers_for_hold_up_no_other_name() -> None:
    server = NameServer()
    async with resolver_of(server) as resolver, asyncio.timeout(10):
        silent = [asyncio.create_task(resolver.resolve(f"{n}.silent.example", 80)) for n in range(SILENT_NAMES)]
        await until(lambda: len(server.asked) == SILENT_NAMES)

        (found,) = await resolver.resolve(KNOWN_NAME, 80)

        assert found["host"] == ADDRESS
        assert not any(task.done() for task in silent)
        for task in silent:
            task.cancel()
        await asyncio.gather(*silent, return_exceptions=True)


@pytest.mark.parametrize(("egress", "asked"), [("direct", b"\x04good"), ("proxy", b"\x04good\x07example")])
async def test_only_the_proxys_own_name_is_completed_with_our_domains(
    monkeypatch: pytest.MonkeyPatch, egress: str, asked: bytes
) -> None:
    server = NameServer()
    port = await server.listen()
    monkeypatch.setenv("LOCALDOMAIN", "example")  # as `search` in resolv.conf
    there = partial(aiohttp.AsyncResolver, nameservers=["127.0.0.4"], udp_port=port, tcp_port=port)
    monkeypatch.setattr(aiohttp, "AsyncResolver", there)
    resolver = make_resolver(ImageSettings(egress=Egress(egress), connect_timeout_s=0.1))
    try:
        with contextlib.suppress(OSError):  # of the name that nobody answers for
            await resolver.resolve("good", 80, socket.AF_INET)
    finally:
        await resolver.close()
        server.close()

    assert server.asked == {asked}


async def test_this_machines_own_names_are_known() -> None:
    resolver = make_resolver(ImageSettings())
    try:
        (found,) = await resolver.resolve("localhost", 80, socket.AF_INET)
    finally:
        await resolver.close()

    assert found["host"] == "127.0.0.1"
