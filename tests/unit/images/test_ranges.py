# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.images.ranges import AddressSet

ALL_OF_A_SLASH_24 = [IPv4Address(f"198.51.100.{last}") for last in range(256)]


def small_networks() -> st.SearchStrategy[IPv4Network]:
    return st.builds(
        lambda last, length: IPv4Network((f"198.51.100.{last}", length), strict=False),
        st.integers(0, 255),
        st.integers(25, 32),
    )


@given(st.lists(small_networks(), max_size=12))
def test_a_set_holds_the_addresses_of_its_networks_and_no_other(networks: list[IPv4Network]) -> None:
    found = AddressSet(networks)

    for address in ALL_OF_A_SLASH_24:
        assert (address in found) is any(address in network for network in networks)


def test_the_ends_of_the_address_space_are_in_reach() -> None:
    found = AddressSet(map(ip_network, ("0.0.0.0/32", "255.255.255.255/32", "::/128", "ffff::/16")))

    assert all(ip_address(end) in found for end in ("0.0.0.0", "255.255.255.255", "::", "f" * 4 + ":ffff" * 7))
    assert not any(ip_address(near) in found for near in ("0.0.0.1", "255.255.255.254", "::1", "fffe::"))


def test_the_same_number_is_another_address_in_the_other_version() -> None:
    found = AddressSet([ip_network("10.0.0.0/8")])

    assert ip_address("10.0.0.1") in found
    assert ip_address("::10.0.0.1") not in found


@pytest.mark.parametrize("address", ["0.0.0.0", "8.8.8.8", "::", "2606:4700::1"])
def test_an_empty_set_holds_nothing(address: str) -> None:
    assert ip_address(address) not in AddressSet(())
