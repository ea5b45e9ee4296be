# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.events import FetchReason
from consumer.images.addresses import AddressPolicy
from consumer.settings import ImageSettings

is_public = AddressPolicy.of(ImageSettings()).is_public

ROWS = [
    tuple(part.strip() for part in line.split("|"))
    for line in (Path(__file__).parent / "addresses.txt").read_text().splitlines()
    if not line.startswith("#")
]
PRIVATE_INNER = ("10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255")
PUBLIC_INNER = "8.8.8.8"


def wrapped(prefix: str, inner: str) -> IPv6Address:
    """The prefix with the IPv4 address in its last 32 bits."""
    return IPv6Address(int(IPv6Address(prefix)) | int(IPv4Address(inner)))


def in_bits_16_to_48(prefix: str, inner: str) -> IPv6Address:
    return IPv6Address(int(IPv6Address(prefix)) | int(IPv4Address(inner)) << 80)


@pytest.mark.parametrize(("address", "verdict", "reason"), ROWS)
def test_the_table_of_addresses(address: str, verdict: str, reason: str) -> None:
    assert is_public(ip_address(address)) is (verdict == "yes"), reason


def test_the_table_is_large_and_has_no_row_twice() -> None:
    addresses = [row[0] for row in ROWS]

    assert len(set(addresses)) == len(addresses) >= 120


@pytest.mark.parametrize("prefix", ["::ffff:0:0", "::", "64:ff9b::"])
def test_a_transparent_wrapping_is_judged_by_what_is_inside(prefix: str) -> None:
    assert is_public(wrapped(prefix, PUBLIC_INNER))
    assert not any(is_public(wrapped(prefix, inner)) for inner in PRIVATE_INNER)


@pytest.mark.parametrize("prefix", ["64:ff9b:1::", "::ffff:0:0:0", "2606:4700::5efe:0:0", "2606:4700::200:5efe:0:0"])
@pytest.mark.parametrize("inner", [PUBLIC_INNER, *PRIVATE_INNER])
def test_tunnels_are_refused_whatever_is_inside(prefix: str, inner: str) -> None:
    assert not is_public(wrapped(prefix, inner))


@pytest.mark.parametrize("inner", [PUBLIC_INNER, *PRIVATE_INNER])
def test_6to4_and_teredo_are_refused_whatever_is_inside(inner: str) -> None:
    assert not is_public(in_bits_16_to_48("2002::1", inner))
    assert not is_public(IPv6Address(int(IPv6Address("2001::")) | int(IPv4Address(inner)) << 64))


@given(st.ip_addresses(v=4))
def test_wrapping_never_changes_the_verdict(inner: IPv4Address) -> None:
    for prefix in ("::ffff:0:0", "::", "64:ff9b::"):
        assert is_public(wrapped(prefix, str(inner))) is is_public(inner)


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_a_private_address_is_private_in_every_wrapping(inner: IPv4Address) -> None:
    prefixes = ("::ffff:0:0", "::", "64:ff9b::", "64:ff9b:1::", "::ffff:0:0:0", "fe80::5efe:0:0", "2606:4700::5efe:0:0")

    assert not any(is_public(wrapped(prefix, str(inner))) for prefix in prefixes)


@given(st.ip_addresses(v=6))
def test_the_verdict_does_not_depend_on_the_text_form(address: IPv6Address) -> None:
    assert is_public(IPv6Address(address.exploded)) is is_public(IPv6Address(address.compressed.upper()))


@given(st.ip_addresses())
def test_a_public_address_is_one_that_the_standard_library_calls_global(address: IPv4Address | IPv6Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_private
        assert not address.is_multicast


def test_only_the_ports_of_the_web_are_dialled() -> None:
    policy = AddressPolicy.of(ImageSettings())

    assert policy.judge(ip_address("8.8.8.8"), 80) is None
    assert policy.judge(ip_address("8.8.8.8"), 443) is None
    assert policy.judge(ip_address("8.8.8.8"), 22) is FetchReason.PORT
    assert policy.judge(ip_address("10.0.0.1"), 80) is FetchReason.BLOCKED_ADDRESS
    assert policy.judge(ip_address("10.0.0.1"), 22) is FetchReason.BLOCKED_ADDRESS


def test_an_exception_holds_for_its_address_and_its_port_and_nothing_else() -> None:
    policy = AddressPolicy.of(ImageSettings(allow_private=("127.0.0.1/32:8123", "[::1]/128:8123")))

    assert policy.judge(ip_address("127.0.0.1"), 8123) is None
    assert policy.judge(ip_address("::1"), 8123) is None
    assert policy.judge(ip_address("127.0.0.1"), 80) is FetchReason.BLOCKED_ADDRESS
    assert policy.judge(ip_address("127.0.0.2"), 8123) is FetchReason.BLOCKED_ADDRESS
    assert policy.judge(ip_address("::ffff:127.0.0.1"), 8123) is FetchReason.BLOCKED_ADDRESS
    assert policy.judge(ip_address("8.8.8.8"), 8123) is FetchReason.PORT
    assert policy.may_use_port(8123)
    assert not policy.may_use_port(8124)
