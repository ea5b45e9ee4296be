# SPDX-License-Identifier: Apache-2.0
"""An image host in a process of its own: `python -m tests.bench.hosts.host MANNER PICTURE`; prints its port."""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from tests.bench.hosts.arms import Manner
from tests.support.name_server import ADDRESS

_LATENCY_S = 0.02
_SLOW_S = 4.5
_DRIP_S = 0.3
_RUSH_S = 0.5
_RUSHED_BYTES = 2_300_000
#: By the rushing host's Content-Length.
_CLAIMED_BYTES = 3_000_000
_REFUSED = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n{}\r\n"


class Host:
    """Answers every request in one manner, on kept connections."""

    def __init__(self, manner: Manner, body: bytes) -> None:
        if manner is Manner.RUSH:
            body = (body * (_CLAIMED_BYTES // len(body) + 1))[:_CLAIMED_BYTES]
        self._manner = manner
        self._head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self._body = body
        self._refusals = itertools.cycle((_REFUSED.format("Retry-After: 2\r\n"), _REFUSED.format("")))

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the client goes."""
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match self._manner:
            case Manner.SILENT:
                await reader.read()  # until the client gives up
            case Manner.DRIP:
                await self._drip(writer, 0, _DRIP_S)
            case Manner.RUSH:
                await self._drip(writer, _RUSHED_BYTES, _RUSH_S)
            case Manner.SLOW:
                await asyncio.sleep(_SLOW_S)
                writer.write(self._head + self._body)
            case _:
                await asyncio.sleep(_LATENCY_S)
                writer.write(self._at_once())

    def _at_once(self) -> bytes:
        if self._manner is Manner.TOO_MANY:
            return next(self._refusals).encode()
        if self._manner is Manner.NONE:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        return self._head + self._body

    async def _drip(self, writer: asyncio.StreamWriter, at_once: int, pause_s: float) -> None:
        """The rest of the body, after so many bytes at once."""
        writer.write(self._head + self._body[:at_once])
        for byte in self._body[at_once:]:
            await asyncio.sleep(pause_s)
            writer.write(bytes([byte]))
            await writer.drain()


async def serve(host: Host) -> None:
    """Until the process is killed."""
    server = await asyncio.start_server(host.talk, ADDRESS, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Host(Manner(sys.argv[1]), Path(sys.argv[2]).read_bytes())))
