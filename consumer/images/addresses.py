# SPDX-License-Identifier: Apache-2.0
"""Which addresses an image may be fetched from. Pure, and the same on every supported Python."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from consumer.events import FetchReason
from consumer.images.ranges import Address, AddressSet
from consumer.images.special_purpose import special_purpose
from consumer.images.wrappings import WELL_KNOWN, Wrapping, is_tunnel

if TYPE_CHECKING:
    from consumer.settings import ImageSettings, PrivateEndpoint

__all__ = ["Address", "AddressPolicy"]


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Public addresses on the web's ports, and the endpoints that the operator made an exception for."""

    ports: frozenset[int]
    private_endpoints: tuple[PrivateEndpoint, ...]
    refused: AddressSet
    """The operator's own, of which nothing is dialled: as it stands, in a wrapping, or as one."""
    wrappings: tuple[Wrapping, ...]
    """Longest prefix first, as a router takes them."""

    @classmethod
    def of(cls, settings: ImageSettings) -> AddressPolicy:
        """The policy that the settings describe."""
        wrappings = (*WELL_KNOWN, *map(Wrapping.of, settings.nat64_prefixes))
        return cls(
            ports=frozenset(settings.ports),
            private_endpoints=settings.private_endpoints,
            refused=AddressSet(settings.refused_networks),
            wrappings=tuple(sorted(wrappings, key=lambda wrapping: -wrapping.length)),
        )

    def judge(self, address: Address, port: int) -> FetchReason | None:
        """Why nothing is fetched from there: `blocked_address` or `port`; None when it may be dialled."""
        if self.is_excepted(address, port):
            return None
        if not self.is_public(address):
            return FetchReason.BLOCKED_ADDRESS
        return None if port in self.ports else FetchReason.PORT

    def is_excepted(self, address: Address, port: int) -> bool:
        """Whether an entry of `images.allow_private` names this address and this port."""
        if isinstance(address, IPv6Address) and address.scope_id:
            return False
        return any(port == entry.port and address in entry.network for entry in self.private_endpoints)

    def may_use_port(self, port: int) -> bool:
        """Whether a name may be looked up for this port; what it resolves to is judged when it is dialled."""
        return port in self.ports or any(port == entry.port for entry in self.private_endpoints)

    def is_public(self, address: Address) -> bool:
        """Whether a packet to this address leaves for the internet, whatever it is wrapped in.

        Zone ids and tunnels are refused outright; of an address that stands for another one, that is judged.
        """
        if address in self.refused:
            return False
        if isinstance(address, IPv6Address):
            if address.scope_id or is_tunnel(address):
                return False
            if wrapping := self._wrapping_of(address):
                inner = wrapping.inner(address)
                return inner is not None and self.is_public(inner)
        return address not in special_purpose()

    def unwrapped(self, address: Address) -> Address:
        """The IPv4 address that this one stands for; the address itself if it stands for none."""
        if isinstance(address, IPv6Address) and (wrapping := self._wrapping_of(address)):
            return wrapping.inner(address) or address
        return address

    def _wrapping_of(self, address: IPv6Address) -> Wrapping | None:
        for wrapping in self.wrappings:
            if wrapping.holds(address):
                return wrapping
        return None
