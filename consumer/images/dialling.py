# SPDX-License-Identifier: Apache-2.0
"""The one door to the network: every connection is judged by the address that is really dialled.

A name may answer a public address to a check and a private one to the connection; literals never pass a resolver.
So the judge sits in the connector's socket factory, which sees each address of each hop.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from ipaddress import ip_address
from typing import TYPE_CHECKING

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult

from consumer.events import FetchReason

if TYPE_CHECKING:
    from aiohappyeyeballs import AddrInfoType

    from consumer.images.addresses import Address, AddressPolicy
    from consumer.settings import ImageSettings

log = structlog.get_logger()

#: Refusals of the running fetch. aiohttp may try another address or merge several errors into one that hides them.
refusals: ContextVar[list[FetchReason]] = ContextVar("refusals")

KEEP_ALIVE_S = 60
DNS_CACHE_S = 60


def make_connector(settings: ImageSettings, policy: AddressPolicy, resolver: AbstractResolver) -> aiohttp.TCPConnector:
    """A pool that dials nothing but what `policy` allows. Its session closes it; the resolver stays the caller's."""

    def open_socket(addr_info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, sockaddr = addr_info
        address, port = ip_address(sockaddr[0]), int(sockaddr[1])
        if reason := judge(policy, address, port):
            refusals.get([]).append(reason)
            log.warning("image_address_refused", address=str(address), port=port, reason=reason.value)
            raise PermissionError(errno.EACCES, "not an address to fetch images from")
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(
        limit=settings.in_flight,
        limit_per_host=settings.in_flight_per_host,
        keepalive_timeout=KEEP_ALIVE_S,
        ttl_dns_cache=DNS_CACHE_S,
        resolver=resolver,
        socket_factory=open_socket,
    )


def judge(policy: AddressPolicy, address: Address, port: int) -> FetchReason | None:
    """The policy's verdict; and no address of this machine itself, public or not, unless it is an exception."""
    reason = policy.judge(address, port)
    if reason is None and not policy.is_excepted(address, port) and is_our_own(address):
        return FetchReason.BLOCKED_ADDRESS
    return reason


def is_our_own(address: Address) -> bool:
    """Whether an interface of this machine has the address: only then it can be bound.

    Where the kernel lets everybody bind everything (`ip_nonlocal_bind`) this cannot be told, and the answer is no.
    """
    return _can_bind(address) and not _can_bind(_NOBODYS[address.version])


#: Of the networks for documentation.
_NOBODYS: dict[int, Address] = {4: ip_address("192.0.2.1"), 6: ip_address("2001:db8::1")}


def _can_bind(address: Address) -> bool:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


class ThreadResolver(AbstractResolver):
    """`getaddrinfo` on threads of its own: in the loop's few default ones a slow name server would stop everybody."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="image-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Numeric addresses of the name; what they are worth is judged when they are dialled. Raises OSError."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(sockaddr[0]),
                port=port,
                family=found_family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found_family, _, protocol, _, sockaddr in found
        ]

    async def close(self) -> None:
        """Let the threads end. One that waits for a name server ends when that answers; it cannot be interrupted."""
        self._threads.shutdown(wait=False, cancel_futures=True)
