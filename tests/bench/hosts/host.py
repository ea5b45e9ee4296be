# SPDX-License-Identifier: Apache-2.0
"""An image host in a process of its own: `python -m tests.bench.hosts.host MANNER PICTURE`; prints its port."""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from pathlib import Path

ADDRESS = "127.0.0.2"
_LATENCY_S = 0.02
_DRIP_S = 0.3


class Manner(StrEnum):
    """How it answers."""

    GOOD = "good"
    """After 20 ms."""
    SILENT = "silent"
    """Never."""
    SLOW = "slow"
    """After 4.5 s, just below the read timeout."""
    DRIP = "drip"
    """A byte every 0.3 s."""


async def serve(manner: Manner, body: bytes) -> None:
    """Until the process is killed."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    async def answer(writer: asyncio.StreamWriter) -> None:
        match manner:
            case Manner.SILENT:
                await asyncio.Event().wait()
            case Manner.DRIP:
                writer.write(head)
                for byte in body:
                    await asyncio.sleep(_DRIP_S)
                    writer.write(bytes([byte]))
                    await writer.drain()
            case _:
                await asyncio.sleep(_LATENCY_S if manner is Manner.GOOD else 4.5)
                writer.write(head + body)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(talk, ADDRESS, 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Manner(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
