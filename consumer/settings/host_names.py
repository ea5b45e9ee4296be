# SPDX-License-Identifier: Apache-2.0
"""What a host is, as URLs and settings write it: an address, an oddly written one, or a name."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

#: `0x7f.1`, `127.1`, `2130706433`: a host that ends in a number is an address (WHATWG URL, section 3.5), oddly written.
_ODD_ADDRESS = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?")


def is_odd_address(host: str) -> bool:
    """Whether the last part of a host in lower case is a number: true of every IPv4 address, and of no name."""
    return bool(_ODD_ADDRESS.fullmatch(host))


def literal_of(host: str) -> IPv4Address | IPv6Address | None:
    """The address that the host is, if it is one. A zone id is no part of a URL and makes the host invalid."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id else address
