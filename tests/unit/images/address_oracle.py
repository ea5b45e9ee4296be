# SPDX-License-Identifier: Apache-2.0
"""The rule of addresses once more, slow and by another way: strings of bits, and every row of IANA's files in turn."""

from __future__ import annotations

import csv
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import consumer.images

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.images.ranges import Address, Network

REGISTRIES = Path(consumer.images.__file__).parent / "registries"


def rows(version: int) -> list[dict[str, str]]:
    """The rows of one file as they stand there."""
    lines = (REGISTRIES / f"iana-ipv{version}-special-registry.csv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def networks_of(row: dict[str, str]) -> list[Network]:
    return [ip_network(block.strip().split(" [")[0]) for block in row["Address Block"].split(",")]


UNREACHABLE = [
    network
    for version in (4, 6)
    for row in rows(version)
    if row["Globally Reachable"] != "True"
    for network in networks_of(row)
]

#: As the design lists them, and multicast.
EXTRA = [
    ip_network(block)
    for block in (
        "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "64:ff9b:1::/48", "2002::/16",
        "2001::/32", "2001::/23", "3fff::/20", "5f00::/16", "100:0:0:1::/64", "fec0::/10", "224.0.0.0/4", "ff00::/8",
    )
]  # fmt: skip
WRAPPINGS = [IPv6Network(block) for block in ("::ffff:0:0/96", "::/96", "64:ff9b::/96")]


def bits(address: Address) -> str:
    return f"{int(address):0{address.max_prefixlen}b}"


def lies_in(address: Address, network: Network) -> bool:
    prefix = bits(network.network_address)[: network.prefixlen]
    return address.version == network.version and bits(address).startswith(prefix)


def is_public(address: Address, nat64: Iterable[IPv6Network] = (), refused: Iterable[Network] = ()) -> bool:
    """Whether the address may be dialled, on a site with these NAT64 prefixes, which refuses these networks."""
    if any(lies_in(address, network) for network in refused):
        return False
    if isinstance(address, IPv6Address):
        digits = f"{int(address):032x}"
        if "%" in str(address) or digits.startswith(("2002", "20010000")) or digits[16:24] in {"00005efe", "02005efe"}:
            return False
        for prefix in sorted((*WRAPPINGS, *nat64), key=lambda prefix: prefix.prefixlen, reverse=True):
            if lies_in(address, prefix):
                written = bits(address)
                inner = (written[:64] + written[72:])[prefix.prefixlen - 8 * (prefix.prefixlen == 96) :][:32]
                return "1" not in written[64:72] and is_public(IPv4Address(int(inner, 2)), (), refused)
        if not bits(address).startswith("001"):
            return False
    return not any(lies_in(address, network) for network in (*UNREACHABLE, *EXTRA))


def embedded(prefix: IPv6Network, inner: IPv4Address, suffix: int = 0) -> IPv6Address:
    """The address that stands for `inner` under a NAT64 prefix; `suffix` fills the bits behind it from the right."""
    written = bits(prefix.network_address)[: prefix.prefixlen] + bits(inner)
    if prefix.prefixlen <= 64:
        written = written[:64] + "0" * 8 + written[64:]
    room = 128 - len(written)
    return IPv6Address(int(written, 2) << room | suffix & (1 << room) - 1)
