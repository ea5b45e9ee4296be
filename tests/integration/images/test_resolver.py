# SPDX-License-Identifier: Apache-2.0
"""The real resolver against a name server on loopback that answers some names only."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, cast

import aiohttp
import pytest

from consumer.images.dialling import make_resolver
from consumer.settings import ImageSettings
from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.abc import AbstractResolver

ADDRESS = "127.0.0.2"
#: As many as may be in flight, and fewer than a socket's buffer holds.
SILENT_NAMES = 120


class NameServer(asyncio.DatagramProtocol):
    """Says where `good.example` is, and nothing at all of other names."""

    def __init__(self) -> None:
        self.asked: set[bytes] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(b"\0", 12) + 5
        question = data[12:end]
        self.asked.add(question[:-5])
        if b"\x04good\x07example" not in question:
            return
        is_for_ipv4 = question[-4:-2] == b"\0\x01"
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(ADDRESS) if is_for_ipv4 else b""
        head = data[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, bool(answer), 0, 0)
        self._transport.sendto(head + question + answer, addr)


@contextlib.asynccontextmanager
async def resolver_of(server: NameServer) -> AsyncIterator[AbstractResolver]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: server, ("127.0.0.4", 0))
    port = transport.get_extra_info("sockname")[1]
    resolver = aiohttp.AsyncResolver(nameservers=["127.0.0.4"], udp_port=port, tcp_port=port, timeout=3, tries=2)
    try:
        yield resolver
    finally:
        await resolver.close()
        transport.close()


@pytest.mark.image_rule(7)
async def test_names_that_nobody_answers_for_hold_up_no_other_name() -> None:
    server = NameServer()
    async with resolver_of(server) as resolver, asyncio.timeout(10):
        silent = [asyncio.create_task(resolver.resolve(f"{n}.silent.example", 80)) for n in range(SILENT_NAMES)]
        await until(lambda: len(server.asked) == SILENT_NAMES)

        (found,) = await resolver.resolve("good.example", 80)

        assert found["host"] == ADDRESS
        assert not any(task.done() for task in silent)
        for task in silent:
            task.cancel()
        await asyncio.gather(*silent, return_exceptions=True)


async def test_this_machines_own_names_are_known() -> None:
    resolver = make_resolver(ImageSettings())
    try:
        (found,) = await resolver.resolve("localhost", 80, socket.AF_INET)
    finally:
        await resolver.close()

    assert found["host"] == "127.0.0.1"
