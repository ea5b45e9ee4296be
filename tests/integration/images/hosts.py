# SPDX-License-Identifier: Apache-2.0
"""Image hosts on loopback, written by hand on sockets: a framework would be too polite.

"Public" is 127.0.0.2, which an `allow_private` entry admits; "private" is 127.0.0.3 on the same port, without one.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from consumer.images.fetched import FetchFailed
from consumer.images.http import Fetcher
from consumer.images.memory import BodyMemory
from consumer.observability.metrics import Metrics
from consumer.settings import ImageSettings
from tests.support.wait import until

if TYPE_CHECKING:
    import ssl

PUBLIC, PRIVATE = "127.0.0.2", "127.0.0.3"

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]
Answer = bytes | Script | None

SILENCE = None
"""Say nothing until the client gives up."""

BODY = b"\xff\xd8\xff not really a picture"
IMAGE = "Content-Type: image/jpeg"
MIB = 1 << 20


def response(body: bytes = b"", *headers: str, status: int = 200, length: int | None = None) -> bytes:
    """A whole answer; `length` lies about the body, -1 leaves the header out."""
    lines = [f"HTTP/1.1 {status} Word", *headers]
    if length != -1:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, *headers: str, status: int = 302) -> bytes:
    """An answer that sends the client elsewhere."""
    return response(b"", f"Location: {location}", *headers, status=status)


def chunked(body: bytes) -> bytes:
    """An answer whose head does not say how long it is."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def then_close(answer: bytes) -> Script:
    """Hang up after the answer."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    return script


def then_reset(answer: bytes) -> Script:
    """Break the connection off after the answer."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return script


def when_told(go_on: asyncio.Event, answer: bytes) -> Script:
    """The answer, but not before."""

    async def script(writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(answer)

    return script


def drip(answer: bytes, pause_s: float) -> Script:
    """One byte at a time, for as long as the client stays."""

    async def script(writer: asyncio.StreamWriter) -> None:
        for byte in answer + bytes(10_000):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause_s)

    return script


@dataclass
class Host:
    """Answers each path with its list of answers in turn; the last one stays."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    connections: int = 0
    open_connections: int = 0
    port: int = 0

    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]

    async def start(self, address: str, port: int = 0, tls: ssl.SSLContext | None = None) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, address, port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    answer = self._next_answer(await reader.readuntil(b"\r\n\r\n"))
                    await _give(answer, reader, writer)
        finally:
            self.open_connections -= 1
            writer.close()

    def _next_answer(self, head: bytes) -> Answer:
        request, *lines = head.decode().split("\r\n")
        path = request.split(" ")[1]
        self.requests.append((path, dict(line.lower().split(": ", 1) for line in lines if line)))
        answers = self.answers.get(path, [response(status=404)])
        return answers.pop(0) if len(answers) > 1 else answers[0]


async def _give(answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if answer is SILENCE:
        await reader.read()
    elif isinstance(answer, bytes):
        writer.write(answer)
        await writer.drain()
    else:
        await answer(writer)


@contextlib.asynccontextmanager
async def full_listener(address: str) -> AsyncIterator[int]:
    """The port of one that never takes a connection up: its queue is full, so the kernel lets a new one wait."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                client.connect(listener.getsockname())
        first = stack.enter_context(socket.socket())
        first.settimeout(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.sock_connect(first, listener.getsockname()), 0.1)
        yield listener.getsockname()[1]


@dataclass
class Names(AbstractResolver):
    """Name -> addresses, made up; a name that is not there does not exist, one without addresses gets no answer."""

    addresses: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        del family
        self.asked.append(host)
        if host not in self.addresses:
            raise OSError(f"{host} does not exist")
        if not self.addresses[host]:
            await asyncio.Event().wait()
        return [_resolved(host, address, port) for address in self.addresses[host]]

    async def close(self) -> None:
        pass


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=socket.IPPROTO_TCP, flags=0)


async def outcome_of(fetcher: Fetcher, url: str, vendor_id: str = "acme") -> bytes | str:
    """The body, or the reason's word."""
    with BodyMemory(1 << 30).share() as share:
        result = await fetcher.fetch(url, vendor_id, share)
    return result.reason.value if isinstance(result, FetchFailed) else result.body


@dataclass
class World:
    """One public and one private host on the same port, and a fetcher that may call the public one only."""

    public: Host
    private: Host
    fetcher: Fetcher
    metrics: Metrics
    settings: ImageSettings
    scheme: str

    def url(self, path: str, host: str = PUBLIC) -> str:
        return f"{self.scheme}://{host}:{self.public.port}{path}"

    async def fetch(self, answer: Answer, *more: Answer, path: str = "/a.jpg") -> bytes | str:
        """The body, or the reason's word, when the public host answers so."""
        self.public.answers[path] = [answer, *more]
        return await self.get(self.url(path))

    async def get(self, url: str, vendor_id: str = "acme") -> bytes | str:
        return await outcome_of(self.fetcher, url, vendor_id)

    def outcomes(self, outcome: str) -> float:
        value = self.metrics.registry.get_sample_value("hangtag_image_fetch_total", {"outcome": outcome})
        return value or 0


@contextlib.asynccontextmanager
async def world(
    names: dict[str, list[str]] | AbstractResolver | None = None, tls: ssl.SSLContext | None = None, **limits: Any
) -> AsyncIterator[World]:
    """Hosts and fetcher; with `tls` the public host shows a certificate.

    When it ends no slot may be held, no task run, no connection to the public host be open, and none ever have been
    opened to the private one.
    """
    tasks = len(asyncio.all_tasks())
    public, private, metrics = Host(), Host(), Metrics()
    private_server = await private.start(PRIVATE)
    public_server = await public.start(PUBLIC, private.port, tls)
    excepted = (f"{PUBLIC}/32:{public.port}", *limits.pop("allow_private", ()))
    settings = ImageSettings(allow_private=excepted, **limits)
    resolver = names if isinstance(names, AbstractResolver) else Names(names or {"localhost": ["127.0.0.1"]})
    fetcher = await Fetcher.open(settings, metrics, resolver=resolver)
    try:
        async with asyncio.timeout(20):
            yield World(public, private, fetcher, metrics, settings, "https" if tls else "http")
        assert (fetcher._hosts.in_flight, fetcher._hosts.waiting) == (0, 0)
        assert not any(host.users for host in fetcher._hosts._hosts.values())
        assert private.connections == 0
    finally:
        await fetcher.close()
        for server in (public_server, private_server):
            server.close()
    await until(lambda: not public.open_connections)
    await until(lambda: len(asyncio.all_tasks()) == tasks)
