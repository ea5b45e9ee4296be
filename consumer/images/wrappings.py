# SPDX-License-Identifier: Apache-2.0
"""IPv6 addresses that stand for an IPv4 address: by what prefix one is known, and what is inside."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network

_UNIVERSAL_OCTET_AT = 64
_IPV4_BITS = 32


@dataclass(frozen=True, slots=True)
class Wrapping:
    """A prefix of 32, 40, 48, 56, 64 or 96 bits, after which an IPv4 address is written (RFC 6052, section 2.2)."""

    prefix: int
    length: int

    @classmethod
    def of(cls, prefix: IPv6Network) -> Wrapping:
        """The wrapping that the prefix marks; of any other length than these its addresses would be misread."""
        return cls(int(prefix[0]) >> 128 - prefix.prefixlen, prefix.prefixlen)

    def holds(self, address: IPv6Address) -> bool:
        """Whether the address has this prefix."""
        return int(address) >> 128 - self.length == self.prefix

    def inner(self, address: IPv6Address) -> IPv4Address | None:
        """What is inside of an address with this prefix; None if bits 64-71 are not zero, which makes it nobody's.

        The IPv4 address is written around these bits. Bits after it are a suffix, which translators ignore.
        """
        number = int(address)
        if number >> 56 & 0xFF:
            return None
        without_octet = number >> 64 << 56 | number & (1 << 56) - 1
        start = self.length if self.length <= _UNIVERSAL_OCTET_AT else self.length - 8
        return IPv4Address(without_octet >> (120 - start - _IPV4_BITS) & 0xFFFF_FFFF)


#: Mapped and compatible IPv4, and NAT64, which DNS64 makes of every site that has IPv4 only.
WELL_KNOWN = tuple(Wrapping.of(IPv6Network(prefix)) for prefix in ("::ffff:0:0/96", "::/96", "64:ff9b::/96"))

_6TO4 = 0x2002
_TEREDO = 0x2001_0000
#: Interface id `[0|200]:5efe:a.b.c.d` (RFC 5214, section 6.1).
_ISATAP_IDS = frozenset({0x0000_5EFE, 0x0200_5EFE})


def is_tunnel(address: IPv6Address) -> bool:
    """Whether packets go through 6to4, Teredo or ISATAP, to an IPv4 address that need not be the one named."""
    number = int(address)
    return number >> 112 == _6TO4 or number >> 96 == _TEREDO or number >> 32 & 0xFFFF_FFFF in _ISATAP_IDS
