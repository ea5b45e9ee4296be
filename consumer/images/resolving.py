# SPDX-License-Identifier: Apache-2.0
"""Names -> addresses: the ones that are tried, asked for without threads."""

from __future__ import annotations

import socket
import time
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING

import aiohttp
import pycares
from aiohttp.abc import AbstractResolver, ResolveResult

from consumer.images.dial import dials
from consumer.settings import Egress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.settings import ImageSettings

#: Of a name server; a lost packet is no reason to lose an image.
_DNS_TRIES = 2
#: EDNS is on by default, and would be off where only the other is named.
_WHOLE_NAMES = pycares.ARES_FLAG_NOSEARCH | pycares.ARES_FLAG_EDNS
#: Of an answer. When all fail, aiohttp tries them again without the first, and so on: 4 are at most 10 dials.
_ADDRESSES = 4


class Few(AbstractResolver):
    """The first few addresses of an answer, which may have thousands; and notes how long it took."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As many as are tried, of both families in turn."""
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
