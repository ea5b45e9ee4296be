# SPDX-License-Identifier: Apache-2.0
"""A forward proxy as an operator runs one: it looks names up itself, and judges by a list of its own."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.integration.images.hosts import response


@dataclass
class Proxy:
    """Knows names, and connects only to those."""

    names: dict[str, str] = field(default_factory=dict)
    """Name -> address; the port stays."""
    refusal: int = 403
    headers: tuple[str, ...] = ()
    """Of a refusal."""
    page: bytes | None = None
    """What a GET of such a name is answered with instead: that of who listens beside the proxy, say."""
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, target and headers."""
    port: int = 0

    async def start(self, address: str) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, address, 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def targets(self) -> list[str]:
        return [target for _, target, _ in self.requests]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            request, *lines = head.strip().split("\r\n")
            method, target, _ = request.split(" ")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            self.requests.append((method, target, headers))
            url = urlsplit(f"//{target}" if method == "CONNECT" else target)
            if url.hostname not in self.names:
                refusal = response(b"not that one", *self.headers, status=self.refusal)
                writer.write(self.page if self.page and method == "GET" else refusal)
                return
            there, out = await asyncio.open_connection(self.names[url.hostname], url.port)
            with contextlib.closing(out):
                if method == "CONNECT":
                    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    out.write(f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode())
                ways = [asyncio.create_task(_pass_on(reader, out)), asyncio.create_task(_pass_on(there, writer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while some := await reader.read(65_536):
            writer.write(some)
            await writer.drain()
