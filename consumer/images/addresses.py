# SPDX-License-Identifier: Apache-2.0
"""Which addresses an image may be fetched from. Pure, and the same on every supported Python."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TYPE_CHECKING

from consumer.events import FetchReason

if TYPE_CHECKING:
    from consumer.settings import PrivateEndpoint

Address = IPv4Address | IPv6Address

PORTS = frozenset({80, 443})


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Public addresses on the web's ports, and the endpoints that the operator made an exception for."""

    private_endpoints: tuple[PrivateEndpoint, ...] = ()

    def judge(self, address: Address, port: int) -> FetchReason | None:
        """Why nothing is fetched from there: `blocked_address` or `port`; None when it may be dialled."""
        if self.is_excepted(address, port):
            return None
        if not is_public(address):
            return FetchReason.BLOCKED_ADDRESS
        return None if port in PORTS else FetchReason.PORT

    def is_excepted(self, address: Address, port: int) -> bool:
        """Whether an entry of `images.allow_private` names this address and this port."""
        return any(port == entry.port and address in entry.network for entry in self.private_endpoints)

    def may_use_port(self, port: int) -> bool:
        """Whether a name may be looked up for this port; what it resolves to is judged when it is dialled."""
        return port in PORTS or any(port == entry.port for entry in self.private_endpoints)


def is_public(address: Address) -> bool:
    """Whether a packet to this address leaves for the internet, whatever it is wrapped in.

    Unwrapped: mapped and compatible IPv4, and NAT64, which DNS64 makes of every IPv4-only site. Tunnels (6to4,
    Teredo, ISATAP) and zone ids are refused outright.
    """
    if isinstance(address, IPv6Address):
        if address.scope_id or _is_isatap(address):
            return False
        for wrapping in _IPV4_WRAPPINGS:
            if address in wrapping:
                return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return not any(address in network for network in _REFUSED)


_IPV4_WRAPPINGS = tuple(map(IPv6Network, ("::ffff:0:0/96", "::/96", "64:ff9b::/96")))

#: What `is_global` gets wrong on some Python, and one cloud's metadata service on a public address (168.63.129.16).
_REFUSED: tuple[IPv4Network | IPv6Network, ...] = tuple(
    map(
        ip_network,
        (
            "100.64.0.0/10",
            "168.63.129.16/32",
            "192.0.0.0/24",
            "192.88.99.0/24",
            "64:ff9b:1::/48",
            "100:0:0:1::/64",
            "2001::/23",
            "2002::/16",
            "3fff::/20",
            "5f00::/16",
            "fec0::/10",
        ),
    )
)

_ISATAP_IDS = frozenset({0x0000_5EFE, 0x0200_5EFE})


def _is_isatap(address: IPv6Address) -> bool:
    """Interface id `[0|200]:5efe:a.b.c.d` (RFC 5214, section 6.1): a tunnel to that IPv4 address."""
    return int(address) >> 32 & 0xFFFF_FFFF in _ISATAP_IDS
