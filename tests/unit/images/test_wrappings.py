# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest

from consumer.images.addresses import AddressPolicy
from consumer.images.wrappings import WELL_KNOWN, Wrapping, is_tunnel
from consumer.settings import ImageSettings

pytestmark = pytest.mark.image_rule(5)

#: RFC 6052, section 2.4: 192.0.2.33 under a prefix of each length.
EXAMPLES = [
    ("2001:db8::/32", "2001:db8:c000:221::"),
    ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
    ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
    ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
    ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
    ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
]


@pytest.mark.parametrize(("prefix", "address"), EXAMPLES)
def test_the_examples_of_the_standard(prefix: str, address: str) -> None:
    wrapping = Wrapping.of(IPv6Network(prefix))

    assert wrapping.holds(IPv6Address(address))
    assert wrapping.inner(IPv6Address(address)) == IPv4Address("192.0.2.33")


@pytest.mark.parametrize(("prefix", "address"), EXAMPLES)
def test_a_prefix_holds_nothing_beside_it(prefix: str, address: str) -> None:
    wrapping = Wrapping.of(IPv6Network(prefix))
    last_bit = 1 << 128 - wrapping.length

    assert not wrapping.holds(IPv6Address(int(IPv6Address(address)) ^ last_bit))
    assert wrapping.holds(IPv6Address(int(IPv6Address(address)) ^ last_bit >> 1))


@pytest.mark.parametrize(("prefix", "address"), EXAMPLES[:-1])
@pytest.mark.parametrize("bit", range(56, 64))
def test_bits_64_to_71_are_zero_or_the_address_is_nobodys(prefix: str, address: str, bit: int) -> None:
    odd = IPv6Address(int(IPv6Address(address)) | 1 << bit)
    # The same under a prefix that is public, of which nothing but these bits could be the matter.
    site, public = IPv6Network(prefix.replace("2001:db8:", "2606:4700:")), 0x2606_4700 << 96
    policy = AddressPolicy.of(ImageSettings(nat64_prefixes=(site,)))

    assert Wrapping.of(IPv6Network(prefix)).inner(odd) is None
    assert not policy.is_public(IPv6Address(public | int(odd) & (1 << 96) - 1))


@pytest.mark.parametrize(("prefix", "address"), EXAMPLES[:4])
def test_what_follows_the_inner_address_says_nothing(prefix: str, address: str) -> None:
    with_suffix = IPv6Address(int(IPv6Address(address)) | 0xFFFF)

    assert Wrapping.of(IPv6Network(prefix)).inner(with_suffix) == IPv4Address("192.0.2.33")


def test_the_well_known_wrappings_are_mapped_compatible_and_nat64() -> None:
    for text in ("::ffff:192.0.2.33", "::192.0.2.33", "64:ff9b::192.0.2.33"):
        found = [wrapping.inner(IPv6Address(text)) for wrapping in WELL_KNOWN if wrapping.holds(IPv6Address(text))]
        assert found == [ip_address("192.0.2.33")]


@pytest.mark.parametrize(
    ("address", "tunnel"),
    [
        ("2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", False),
        ("2002::", True),
        ("2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", True),
        ("2003::", False),
        ("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", False),
        ("2001::", True),
        ("2001:0:ffff:ffff:ffff:ffff:ffff:ffff", True),
        ("2001:1::", False),
        ("2606:4700::5efe:808:808", True),
        ("2606:4700:1:2:200:5efe:808:808", True),
        ("2606:4700::100:5efe:808:808", False),
        ("2606:4700::5eff:808:808", False),
        ("2606:4700:0:5efe::", False),
    ],
)
def test_tunnels_are_6to4_teredo_and_isatap(address: str, tunnel: bool) -> None:  # noqa: FBT001
    assert is_tunnel(IPv6Address(address)) is tunnel
