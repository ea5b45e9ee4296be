# SPDX-License-Identifier: Apache-2.0
"""The image host of `fetch.py`, in a process of its own: `python -m tests.bench.images.server FOLDER`.

Answers every path with the folder's `picture.jpg` after a while, on one port in the clear and on one with TLS; below
`/new/` it hangs up after each answer. Prints both ports, then for each line of input its CPU seconds and how many
connections it has had. Ends with the input.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvloop

#: Before each answer: hosts are somewhere else.
LATENCY_S = 0.005


@dataclass(slots=True)
class Host:
    """What it says, and how many have called."""

    picture: bytes
    connections: int = 0

    def answer(self, *headers: bytes) -> bytes:
        """Head and body."""
        length = b"Content-Length: %d" % len(self.picture)
        return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Type: image/jpeg", length, *headers, b"", self.picture])


class Caller(asyncio.Protocol):
    """One connection. A request ends with the packet that brings its empty line: nobody sends the next one sooner."""

    _transport: asyncio.Transport

    def __init__(self, host: Host) -> None:
        self._host = host
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._host.connections += 1

    def data_received(self, data: bytes) -> None:
        self._request += data
        if self._request.endswith(b"\r\n\r\n"):
            answer = self._hang_up if self._request.startswith(b"GET /new/") else self._keep
            asyncio.get_running_loop().call_later(LATENCY_S, answer)
            self._request = b""

    def _keep(self) -> None:
        self._transport.write(self._host.answer())

    def _hang_up(self) -> None:
        self._transport.write(self._host.answer(b"Connection: close"))
        self._transport.close()


async def serve(folder: Path) -> None:
    """Until the input ends."""
    host = Host((folder / "picture.jpg").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    servers = [await loop.create_server(lambda: Caller(host), "127.0.0.2", 0, ssl=how) for how in (None, context)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)

    def tell() -> None:
        if sys.stdin.readline():
            print(time.process_time(), host.connections, flush=True)
        else:
            ended.set()

    loop.add_reader(sys.stdin, tell)
    await ended.wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
