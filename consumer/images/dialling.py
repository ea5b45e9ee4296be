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
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

import aiohttp

from consumer.errors import SettingsInvalid
from consumer.events import FetchReason
from consumer.images.addresses import Address
from consumer.images.dial import dials
from consumer.images.kept_connections import KeptConnections
from consumer.images.line import Line
from consumer.images.resolving import Few

if TYPE_CHECKING:
    from aiohappyeyeballs import AddrInfoType
    from aiohttp.abc import AbstractResolver
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from consumer.images.addresses import AddressPolicy
    from consumer.settings import ImageSettings

#: Why nothing may be fetched from an address and port; None when it may.
Judge = Callable[[Address, int], FetchReason | None]


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
            resolver=Few(resolver),
            socket_factory=self._open_socket,
            ssl=_authorities(settings),
        )
        line: Callable[..., ResponseHandler] = Line
        self._factory = partial(line, loop=self._loop, max_body_bytes=settings.max_body_bytes)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # theirs
    ) -> Connection:
        """A kept connection, or a new one."""
        started = time.perf_counter()
        connection = await super().connect(req, traces, timeout)
        line = connection.protocol
        dials.get().connect_s = time.perf_counter() - started
        if isinstance(line, Line):
            line.begin()
            if not self._kept.keeps(line):
                line.force_close()  # once the answer is read
        return connection

    def _open_socket(self, addr_info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, sockaddr = addr_info
        address, port = str(sockaddr[0]), int(sockaddr[1])
        if reason := self._judge(ip_address(address), port):
            dials.get().refused[address] = reason
            raise PermissionError(errno.EACCES, "not an address to fetch images from")
        dials.get().address = address
        return socket.socket(family, kind, protocol)


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
    if reason is None and not policy.is_excepted(address, port) and is_our_own(policy.unwrapped(address)):
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
