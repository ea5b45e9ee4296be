# SPDX-License-Identifier: Apache-2.0
"""Sets of IP addresses, asked by bisection: `ipaddress` parses, and nothing else is asked of it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class _Ranges:
    """Numbers as sorted ranges that do not touch: equally many first and last ones, both included."""

    first: tuple[int, ...]
    last: tuple[int, ...]

    @classmethod
    def of(cls, networks: Iterable[Network]) -> _Ranges:
        merged: list[list[int]] = []
        for first, last in sorted((int(network[0]), int(network[-1])) for network in networks):
            if merged and first <= merged[-1][1] + 1:
                merged[-1][1] = max(merged[-1][1], last)
            else:
                merged.append([first, last])
        return cls(tuple(first for first, _ in merged), tuple(last for _, last in merged))

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.first, number) - 1
        return at >= 0 and number <= self.last[at]


class AddressSet:
    """The addresses of some networks of both IP versions. Built once; `in` is one bisection."""

    __slots__ = ("_ipv4", "_ipv6")

    def __init__(self, networks: Iterable[Network]) -> None:
        networks = tuple(networks)
        self._ipv4 = _Ranges.of(network for network in networks if isinstance(network, IPv4Network))
        self._ipv6 = _Ranges.of(network for network in networks if isinstance(network, IPv6Network))

    def __contains__(self, address: Address) -> bool:
        return int(address) in (self._ipv4 if isinstance(address, IPv4Address) else self._ipv6)
