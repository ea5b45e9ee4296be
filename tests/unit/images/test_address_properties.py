# SPDX-License-Identifier: Apache-2.0
"""Any address at all, most near the edge of a range or in a wrapping, against a slow second reading of the rule."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.images.addresses import AddressPolicy
from consumer.settings import ImageSettings
from tests.unit.images import address_oracle
from tests.unit.images.address_oracle import EXTRA, UNREACHABLE, WRAPPINGS, embedded

pytestmark = pytest.mark.image_rule(5)

SITE = tuple(
    IPv6Network(f"{prefix}/{length}")
    for prefix, length in (
        ("2a0a::", 32),
        ("2a0a:1:100::", 40),
        ("2a0a:1:122::", 48),
        ("2a0a:1:123:300::", 56),
        ("fd00:64:ff9b:344::", 64),
        ("2a0a:1:122:344::", 96),
    )
)
OPERATORS = (IPv4Network("8.8.8.0/24"), IPv6Network("2a0b::/20"))
POLICY = AddressPolicy.of(ImageSettings(nat64_prefixes=SITE, refused_networks=OPERATORS))
EDGES = [
    (network.version, number)
    for network in (*UNREACHABLE, *EXTRA, *WRAPPINGS, *SITE, *OPERATORS)
    for number in (int(network[0]), int(network[-1]))
]


def numbers_near_edges(version: int) -> st.SearchStrategy[int]:
    edges = st.sampled_from([number for of, number in EDGES if of == version])
    last = (1 << {4: 32, 6: 128}[version]) - 1
    return st.builds(lambda edge, step: min(max(edge + step, 0), last), edges, st.integers(-2, 2))


ipv4 = st.ip_addresses(v=4) | st.builds(IPv4Address, numbers_near_edges(4))
wrapped = st.builds(embedded, st.sampled_from((*WRAPPINGS, *SITE)), ipv4, st.just(0) | st.integers(0, (1 << 56) - 1))
isatap = st.builds(
    lambda prefix, word, inner: IPv6Address(prefix << 64 | word << 32 | int(inner)),
    st.integers(0, (1 << 64) - 1),
    st.sampled_from((0x5EFE, 0x0200_5EFE)),
    ipv4,
)
ipv6 = st.ip_addresses(v=6) | st.builds(IPv6Address, numbers_near_edges(6)) | wrapped | isatap
private_ipv4 = ipv4.filter(lambda address: not address_oracle.is_public(address, (), OPERATORS))


def texts(address: IPv6Address) -> list[str]:
    """One address in some of its spellings."""
    groups = [f"{int(address) >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)]
    dotted = str(IPv4Address(int(address) & 0xFFFF_FFFF))
    return [
        address.compressed,
        address.exploded.upper(),
        ":".join(groups),
        ":".join(group.zfill(4) for group in groups),
        ":".join([*groups[:6], dotted]),
    ]


@given(ipv4 | ipv6)
def test_the_quick_verdict_is_the_slow_one(address: IPv4Address | IPv6Address) -> None:
    assert POLICY.is_public(address) is address_oracle.is_public(address, SITE, OPERATORS)


@given(private_ipv4, st.sampled_from((*WRAPPINGS, *SITE)), st.integers(0, (1 << 56) - 1))
def test_every_wrapped_private_address_is_refused(inner: IPv4Address, prefix: IPv6Network, suffix: int) -> None:
    assert not POLICY.is_public(embedded(prefix, inner, suffix))


@given(ipv4, st.sampled_from(WRAPPINGS))
def test_a_well_known_wrapping_never_changes_the_verdict(inner: IPv4Address, prefix: IPv6Network) -> None:
    assert POLICY.is_public(embedded(prefix, inner)) is POLICY.is_public(inner)


@given(isatap)
def test_no_isatap_address_is_dialled(address: IPv6Address) -> None:
    assert not POLICY.is_public(address)


@given(ipv6)
def test_the_verdict_does_not_depend_on_the_text_form(address: IPv6Address) -> None:
    assert {POLICY.is_public(IPv6Address(text)) for text in texts(address)} == {POLICY.is_public(address)}


@given(ipv6)
def test_a_zone_makes_no_address_better(address: IPv6Address) -> None:
    assert not POLICY.is_public(IPv6Address(f"{address}%eth0"))


@given(ipv4 | ipv6)
def test_unwrapping_ends_after_one_step(address: IPv4Address | IPv6Address) -> None:
    inner = POLICY.unwrapped(address)

    assert POLICY.unwrapped(inner) == inner
    assert inner == address or isinstance(inner, IPv4Address)


def test_edges_are_where_they_are_thought_to_be() -> None:
    assert (4, int(ip_address("10.255.255.255"))) in EDGES
    assert (6, int(ip_address("2a0a:1:122:344::"))) in EDGES
