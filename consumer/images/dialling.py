# SPDX-License-Identifier: Apache-2.0
"""The one door to the network: every connection is judged by the address that is really dialled.

A name may answer a public address to a check and a private one to the connection; literals never pass a resolver.
So the judge sits in the connector's socket factory, which sees each address of each hop.
"""

from __future__ import annotations

import errno
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING

import aiohttp
import pycares
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from consumer.errors import SettingsInvalid
from consumer.events import FetchReason
from consumer.images.addresses import Address
from consumer.images.bodies import are_crumbs
from consumer.images.kept_connections import KeptConnections
from consumer.settings import Egress

if TYPE_CHECKING:
    import asyncio

    from aiohappyeyeballs import AddrInfoType
    from aiohttp.connector import Connection
    from aiohttp.http import RawResponseMessage
    from aiohttp.streams import StreamReader
    from aiohttp.tracing import Trace

    from consumer.images.addresses import AddressPolicy
    from consumer.settings import ImageSettings

#: Of a name server; a lost packet is no reason to lose an image.
_DNS_TRIES = 2
#: EDNS is on by default, and would be off where only the other is named.
_WHOLE_NAMES = pycares.ARES_FLAG_NOSEARCH | pycares.ARES_FLAG_EDNS
#: Of an answer. When all fail, aiohttp tries them again without the first, and so on: 4 are at most 10 dials.
_ADDRESSES = 4
#: Answers 1xx before the one that counts. A host that sends no other costs a core.
_INTERIM_ANSWERS = 5
#: What an answer may have in all: a head, and the largest body so many times, for the framing of its chunks.
_HEAD_BYTES, _FRAMING = 1 << 20, 2
_INTERIM = frozenset(range(100, 200)) - {101}  # after which there is no HTTP any more

#: Why nothing may be fetched from an address and port; None when it may.
Judge = Callable[[Address, int], FetchReason | None]


@dataclass(slots=True)
class Dial:
    """What the connector did for one request; filled in where it happens."""

    address: str | None = None
    """The last one that was dialled or refused; None on a kept connection."""
    refused: dict[str, FetchReason] = field(default_factory=dict)
    """By address. aiohttp may try another one, or merge several errors into one that hides these."""
    stands: bool = False
    """Whether a new connection came up, with a host or its proxy."""
    dns_s: float = 0.0
    connect_s: float = 0.0
    """Until the connection stood, DNS included."""

    @property
    def is_new(self) -> bool:
        """Whether a connection was opened, or would have been."""
        return self.address is not None


#: Of the request that runs. A name that two ask for at once is looked up on one's account.
dials: ContextVar[Dial] = ContextVar("dials")


class Connector(aiohttp.TCPConnector):
    """A pool that opens no socket to what `judge` refuses, and says what it did. Its session closes it.

    Slots are counted elsewhere (`hosts.py`), so it has no limits of its own. The resolver stays the caller's.
    """

    def __init__(self, settings: ImageSettings, judge: Judge, resolver: AbstractResolver) -> None:
        """Raises SettingsInvalid for authorities that cannot be read."""
        self._judge = judge
        self._kept = KeptConnections(settings.connections_kept_alive)
        super().__init__(
            limit=0,
            keepalive_timeout=settings.keep_alive_s,
            ttl_dns_cache=settings.dns_cache_s,
            use_dns_cache=settings.dns_cache_s > 0,
            resolver=_Few(resolver),
            socket_factory=self._open_socket,
            ssl=_authorities(settings),
        )
        max_bytes = _HEAD_BYTES + _FRAMING * settings.max_body_bytes
        line: Callable[..., ResponseHandler] = _Line
        self._factory = partial(line, loop=self._loop, max_bytes=max_bytes)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # theirs
    ) -> Connection:
        """A kept connection, or a new one."""
        started = time.perf_counter()
        connection = await super().connect(req, traces, timeout)
        while connection.protocol is not None and connection.protocol.should_close:
            # A kept one in which an answer lies that nobody asked for: it would pass for the answer to this request.
            connection.close()
            connection = await super().connect(req, traces, timeout)
        if isinstance(connection.protocol, _Line):
            connection.protocol.begin()
        dials.get().connect_s = time.perf_counter() - started
        if connection.protocol is not None and not self._kept.keeps(connection.protocol):
            connection.protocol.force_close()  # once the answer is read
        return connection

    def _open_socket(self, addr_info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, sockaddr = addr_info
        dial = dials.get()
        dial.address, port = str(sockaddr[0]), int(sockaddr[1])
        if reason := self._judge(ip_address(dial.address), port):
            dial.refused[dial.address] = reason
            raise PermissionError(errno.EACCES, "not an address to fetch images from")
        return socket.socket(family, kind, protocol)


class _Line(ResponseHandler):
    """A connection that says when it stands, and has an end to what is no body: interim answers, framing of chunks."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_bytes: int) -> None:
        super().__init__(loop)
        self._max_bytes = max_bytes
        self._interim = 0
        self.begin()

    def begin(self) -> None:
        """Another request goes out."""
        self._pieces = 0
        self._received_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        dials.get().stands = True
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._pieces += bool(data)  # without any, it goes on with what came before
        self._received_bytes += len(data)
        if self._received_bytes <= self._max_bytes and not are_crumbs(self._pieces, self._received_bytes):
            super().data_received(data)
        elif self.transport is not None:
            self.transport.abort()

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        if self._interim > _INTERIM_ANSWERS:
            return
        self._interim = self._interim + 1 if data[0].code in _INTERIM else 0
        if self._interim > _INTERIM_ANSWERS:
            self.set_exception(aiohttp.ClientPayloadError("interim answers without end"))
        else:
            super().feed_data(data, size)


def _authorities(settings: ImageSettings) -> ssl.SSLContext | bool:
    if settings.ca_file is None:
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(settings.ca_file)
    except OSError as error:  # SSLError is one
        raise SettingsInvalid(
            f"settings are wrong:\n  images.ca_file: {settings.ca_file} is no readable PEM file of certificates"
        ) from error
    return context


def judge(policy: AddressPolicy, address: Address, port: int) -> FetchReason | None:
    """The policy's verdict; and no address of this machine itself, public or not, unless it is an exception."""
    reason = policy.judge(address, port)
    if reason is None and not policy.is_excepted(address, port) and is_our_own(address):
        return FetchReason.BLOCKED_ADDRESS
    return reason


def is_our_own(address: Address) -> bool:
    """Whether an interface of this machine has the address: only then it can be bound.

    Where the kernel lets everybody bind everything (`ip_nonlocal_bind`) this cannot be told, and the answer is no.
    Raises OSError where it cannot be asked, for want of descriptors for example: then nothing is dialled.
    """
    return _can_bind(address) and not _can_bind(_NOBODYS[address.version])


#: Of the networks for documentation.
_NOBODYS: dict[int, Address] = {4: ip_address("192.0.2.1"), 6: ip_address("2001:db8::1")}

_NOT_OURS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def _can_bind(address: Address) -> bool:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise
        return False
    return True


class _Few(AbstractResolver):
    """The first few addresses of an answer, which may have thousands; and notes how long it took."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        started = time.perf_counter()
        try:
            return _first_of_each_family(await self._resolver.resolve(host, port, family))
        finally:
            dials.get().dns_s = time.perf_counter() - started

    async def close(self) -> None:
        """Not ours to close."""


def _first_of_each_family(answers: Iterable[ResolveResult]) -> list[ResolveResult]:
    """In turn, as long as there are both."""
    families: dict[int, list[ResolveResult]] = {}
    for answer in answers:
        families.setdefault(answer["family"], []).append(answer)
    in_turn = chain.from_iterable(zip_longest(*families.values()))
    return list(islice((answer for answer in in_turn if answer is not None), _ADDRESSES))


def make_resolver(settings: ImageSettings) -> AbstractResolver:
    """Asks name servers without threads; whoever makes it closes it, in the same event loop.

    A thread in `getaddrinfo` cannot be interrupted: names whose servers are silent, and a vendor can invent any number,
    would hold every thread of a pool for longer than any fetch may take. Names are asked for as they stand: the search
    list of `resolv.conf` would complete a vendor's `redis` with our own domains, and in Kubernetes ask for each public
    name four times.
    """
    if settings.egress is Egress.PROXY:  # whose own name may be a short one
        return aiohttp.AsyncResolver(timeout=settings.connect_timeout_s, tries=_DNS_TRIES)
    return aiohttp.AsyncResolver(timeout=settings.connect_timeout_s, tries=_DNS_TRIES, flags=_WHOLE_NAMES)
