# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path

import pytest

from consumer.events import FetchReason
from consumer.images.addresses import AddressPolicy
from consumer.images.special_purpose import registry, special_purpose
from consumer.settings import ImageSettings

pytestmark = pytest.mark.image_rule(5)

ROWS = [
    tuple(part.strip() for part in line.split("|"))
    for line in (Path(__file__).parent / "addresses.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
SITE_PREFIXES = tuple(
    map(
        IPv6Network,
        (
            "3fff:32::/32",
            "3fff:40:100::/40",
            "3fff:48:122::/48",
            "3fff:56:122:300::/56",
            "3fff:64:122:344::/64",
            "3fff:96:122:344::/96",
            "64:ff9b:1:64::/96",
        ),
    )
)
POLICY = AddressPolicy.of(ImageSettings(nat64_prefixes=SITE_PREFIXES))
#: What the standard library thinks of an address or a network, or finds in it: another answer in each Python.
OPINIONS = [
    (cls, name)
    for cls in (IPv4Address, IPv6Address, IPv4Network, IPv6Network)
    for name in dir(cls)
    if name.startswith("is_") or name in {"ipv4_mapped", "sixtofour", "teredo"}
]


def refusing(*networks: str, nat64: tuple[str, ...] = ()) -> AddressPolicy:
    return AddressPolicy.of(ImageSettings.model_validate({"refused_networks": networks, "nat64_prefixes": nat64}))


@pytest.mark.parametrize(("address", "verdict", "what"), ROWS)
def test_the_table_of_addresses(address: str, verdict: str, what: str) -> None:
    assert POLICY.is_public(ip_address(address)) is (verdict == "yes"), what


def test_the_table_is_large_and_has_no_row_twice() -> None:
    addresses = {ip_address(address) for address, _, _ in ROWS}

    assert len(addresses) == len(ROWS) >= 120
    assert {verdict for _, verdict, _ in ROWS} == {"yes", "no"}


def test_the_table_has_the_first_the_last_and_both_neighbours_of_every_range_of_the_registries() -> None:
    addresses = {(row.version, int(row)) for row in map(ip_address, (address for address, _, _ in ROWS))}

    for version, bits in ((4, 32), (6, 128)):
        for network in (network for row in registry(version) for network in row.networks):
            first, last = int(network[0]), int(network[-1])
            edges = {(version, edge) for edge in (first - 1, first, last, last + 1) if 0 <= edge < 1 << bits}
            assert edges <= addresses, network


def test_the_table_holds_whatever_the_standard_library_thinks_of_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def opinion(_: object) -> bool:
        raise AssertionError("the standard library was asked for its opinion")

    special_purpose.cache_clear()
    expected = {ip_address(address): verdict == "yes" for address, verdict, _ in ROWS}
    with monkeypatch.context() as patch:
        for cls, name in OPINIONS:
            patch.setattr(cls, name, property(opinion))
        policy = AddressPolicy.of(ImageSettings(nat64_prefixes=SITE_PREFIXES))
        found = {address: policy.judge(address, 443) is None for address in expected}
        with pytest.raises(AssertionError, match="asked for its opinion"):
            _ = ip_address("8.8.8.8").is_global

    assert found == expected


def test_opinions_are_those_that_are_wrong_somewhere() -> None:
    names = {name for _, name in OPINIONS}

    assert {"is_global", "is_private", "is_multicast", "is_reserved", "is_site_local", "ipv4_mapped"} <= names


def test_only_the_ports_of_the_web_are_dialled() -> None:
    assert POLICY.judge(ip_address("8.8.8.8"), 80) is None
    assert POLICY.judge(ip_address("8.8.8.8"), 443) is None
    assert POLICY.judge(ip_address("8.8.8.8"), 22) is FetchReason.PORT
    assert POLICY.judge(ip_address("10.0.0.1"), 80) is FetchReason.BLOCKED_ADDRESS
    assert POLICY.judge(ip_address("10.0.0.1"), 22) is FetchReason.BLOCKED_ADDRESS


@pytest.mark.image_rule(3)
def test_the_operator_may_open_other_ports() -> None:
    policy = AddressPolicy.of(ImageSettings(ports=(8443,)))

    assert policy.judge(ip_address("8.8.8.8"), 8443) is None
    assert policy.judge(ip_address("8.8.8.8"), 443) is FetchReason.PORT
    assert policy.may_use_port(8443)
    assert not policy.may_use_port(443)


def test_an_exception_holds_for_its_address_and_its_port_and_nothing_else() -> None:
    policy = AddressPolicy.of(ImageSettings(allow_private=("127.0.0.1/32:8123", "[::1]/128:8123")))

    assert policy.judge(ip_address("127.0.0.1"), 8123) is None
    assert policy.judge(ip_address("::1"), 8123) is None
    assert policy.judge(ip_address("127.0.0.1"), 80) is FetchReason.BLOCKED_ADDRESS
    assert policy.judge(ip_address("127.0.0.2"), 8123) is FetchReason.BLOCKED_ADDRESS
    assert policy.judge(ip_address("::ffff:127.0.0.1"), 8123) is FetchReason.BLOCKED_ADDRESS
    assert policy.judge(ip_address("::1%lo"), 8123) is FetchReason.BLOCKED_ADDRESS
    assert policy.judge(ip_address("8.8.8.8"), 8123) is FetchReason.PORT
    assert policy.may_use_port(8123)
    assert not policy.may_use_port(8124)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "::ffff:8.8.8.8", "::8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700:808:808::", "8.8.0.0", "8.8.255.255"],
)
def test_what_the_operator_refuses_is_refused_in_every_wrapping(address: str) -> None:
    policy = refusing("8.8.0.0/16", nat64=("2606:4700::/32",))

    assert policy.judge(ip_address(address), 443) is FetchReason.BLOCKED_ADDRESS
    assert policy.judge(ip_address("8.7.255.255"), 443) is None
    assert policy.judge(ip_address("2606:4700:807:ffff::"), 443) is None


def test_the_operator_may_refuse_a_wrapping_itself() -> None:
    policy = refusing("64:ff9b::/96", "2a00::/16")

    assert policy.judge(ip_address("64:ff9b::808:808"), 443) is FetchReason.BLOCKED_ADDRESS
    assert policy.judge(ip_address("2a00:1450::1"), 443) is FetchReason.BLOCKED_ADDRESS
    assert policy.judge(ip_address("::ffff:8.8.8.8"), 443) is None
    assert policy.judge(ip_address("2a01::1"), 443) is None


def test_an_exception_of_the_operator_is_stronger_than_his_refusal() -> None:
    policy = AddressPolicy.of(
        ImageSettings.model_validate({"refused_networks": ["127.0.0.0/8"], "allow_private": ["127.0.0.2/32:8123"]})
    )

    assert policy.judge(ip_address("127.0.0.2"), 8123) is None


@pytest.mark.parametrize(
    ("address", "inner"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::10.0.0.1", "10.0.0.1"),
        ("64:ff9b::a00:1", "10.0.0.1"),
        ("3fff:48:122:a00:0:100::", "10.0.0.1"),
        ("3fff:48:122:a00:100:100::", "3fff:48:122:a00:100:100::"),
        ("64:ff9b:1::a00:1", "64:ff9b:1::a00:1"),
        ("2606:4700::1", "2606:4700::1"),
    ],
)
def test_an_address_stands_for_what_is_inside_of_it(address: str, inner: str) -> None:
    assert POLICY.unwrapped(ip_address(address)) == ip_address(inner)


def test_a_longer_prefix_of_the_site_wins_over_a_shorter_one() -> None:
    policy = refusing(nat64=("2606:4700::/32", "2606:4700:a00:1::/96"))

    assert policy.unwrapped(ip_address("2606:4700:a00:1::808:808")) == ip_address("8.8.8.8")
    assert policy.unwrapped(ip_address("2606:4700:a00:2::808:808")) == ip_address("10.0.0.2")
