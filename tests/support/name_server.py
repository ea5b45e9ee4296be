# SPDX-License-Identifier: Apache-2.0
"""A name server on loopback that answers for one name and those below it, and the real resolver asking it."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

import aiohttp

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

KNOWN_NAME = "good.example"
#: Of the known name, and of any below it.
ADDRESS = "127.0.0.2"
_SERVER = "127.0.0.4"
_TRIES = 2
_HEADER_BYTES = 12
_TYPE_A = b"\0\x01"


class NameServer(asyncio.DatagramProtocol):
    """Says where `good.example` and any name below it is, and nothing at all of other names."""

    def __init__(self) -> None:
        self.asked: set[bytes] = set()
        """Names as they stand in a question: lengths and labels."""

    async def listen(self) -> int:
        """The port, until the event loop ends or `close`."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, (_SERVER, 0))
        return int(self._transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Listen no longer."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(b"\0", _HEADER_BYTES) + 5
        question = data[_HEADER_BYTES:end]
        self.asked.add(question[:-5])
        if not question[:-4].endswith(_wire(KNOWN_NAME)):
            return
        is_for_ipv4 = question[-4:-2] == _TYPE_A
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(ADDRESS) if is_for_ipv4 else b""
        head = data[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, bool(answer), 0, 0)
        self._transport.sendto(head + question + answer, addr)


def resolver_at(port: int, timeout_s: float) -> AbstractResolver:
    """Asks the name server at that port; whoever makes it closes it."""
    return aiohttp.AsyncResolver(nameservers=[_SERVER], udp_port=port, tcp_port=port, timeout=timeout_s, tries=_TRIES)


def _wire(name: str) -> bytes:
    """Labels with their lengths in front, as in a question."""
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
