# SPDX-License-Identifier: Apache-2.0
"""The addresses that no packet to the internet has, whatever the running Python thinks of them.

The files in `registries/` are IANA's, in its columns; to renew one, replace its rows and the date in its first line.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from ipaddress import ip_network
from typing import TYPE_CHECKING

from consumer.images.ranges import AddressSet

if TYPE_CHECKING:
    from consumer.images.ranges import Network

#: Refused whatever the registries say of them, or of parts of them.
_NEVER = (
    "224.0.0.0/4",  # multicast (RFC 5771), which has registries of its own
    "168.63.129.16/32",  # metadata service of Azure, on a public address
    "192.0.0.0/24",  # with its two public anycast services: they serve no images
    "192.88.99.0/24",  # relays of 6to4, which lead into anybody's network (RFC 7526)
    "2001::/23",  # protocol assignments, with the few that are public
    "2002::/16",  # 6to4
    # All but 2000::/3, the one part of IPv6 that is given out (RFC 4291, section 2.4): site-local, multicast and more.
    "::/3",
    "4000::/2",
    "8000::/1",
)


@dataclass(frozen=True, slots=True)
class SpecialBlock:
    """One row of a registry."""

    networks: tuple[Network, ...]
    name: str
    rfc: str
    globally_reachable: bool
    """Only where IANA says so: ended allocations have no word, 6to4 and Teredo have `N/A`."""


def registry(version: int) -> tuple[SpecialBlock, ...]:
    """All rows of IANA's special-purpose registry for IP version 4 or 6."""
    file = resources.files("consumer.images") / "registries" / f"iana-ipv{version}-special-registry.csv"
    with file.open(encoding="utf-8") as lines:
        return tuple(map(_block, csv.DictReader(line for line in lines if not line.startswith("#"))))


@cache
def special_purpose() -> AddressSet:
    """Every address that is not a public unicast one. What wraps another address has to be unwrapped before."""
    rows = (*registry(4), *registry(6))
    unreachable = (network for row in rows if not row.globally_reachable for network in row.networks)
    return AddressSet((*unreachable, *map(ip_network, _NEVER)))


def _block(row: dict[str, str]) -> SpecialBlock:
    """`192.0.0.0/24 [2]` and `False [1]` carry the numbers of footnotes."""
    blocks = row["Address Block"].split(",")
    return SpecialBlock(
        networks=tuple(ip_network(block.split()[0]) for block in blocks),
        name=row["Name"],
        rfc=row["RFC"],
        globally_reachable=row["Globally Reachable"].startswith("True"),
    )
