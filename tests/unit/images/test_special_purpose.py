# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from collections import Counter
from ipaddress import ip_address, ip_network

import pytest

from consumer.images import special_purpose as module
from consumer.images.special_purpose import registry, special_purpose
from tests.unit.images.address_oracle import REGISTRIES, UNREACHABLE, rows

pytestmark = pytest.mark.image_rule(5)


@pytest.mark.parametrize(("version", "count", "reachable"), [(4, 25, 5), (6, 25, 9)])
def test_every_row_of_the_registry_is_shipped(version: int, count: int, reachable: int) -> None:
    blocks = registry(version)

    assert len(blocks) == count
    assert [(block.name, block.rfc) for block in blocks] == [(row["Name"], row["RFC"]) for row in rows(version)]
    assert sum(block.globally_reachable for block in blocks) == reachable
    assert {network.version for block in blocks for network in block.networks} == {version}


def test_rows_are_read_as_iana_writes_them() -> None:
    by_name = {block.name: block for version in (4, 6) for block in registry(version)}

    assert by_name["NAT64/DNS64 Discovery"].networks == (ip_network("192.0.0.170/32"), ip_network("192.0.0.171/32"))
    assert by_name["Loopback"].rfc == "[RFC1122], Section 3.2.1.3"
    assert by_name["Direct Delegation AS112 Service"].globally_reachable
    for ended_or_unknown in ("Deprecated (6to4 Relay Anycast)", "Deprecated (previously ORCHID)", "6to4", "TEREDO"):
        assert not by_name[ended_or_unknown].globally_reachable
    assert by_name["6to4"].networks == (ip_network("2002::/16"),)
    assert by_name["Unique-Local"].networks == (ip_network("fc00::/7"),)
    assert not by_name["Unique-Local"].globally_reachable


@pytest.mark.parametrize("version", [4, 6])
def test_a_registry_says_where_it_comes_from_and_of_which_day_it_is(version: int) -> None:
    name = f"iana-ipv{version}-special-registry"
    first, second, header, *_ = (REGISTRIES / f"{name}.csv").read_text(encoding="utf-8").splitlines()

    assert re.fullmatch(
        rf"# IANA IPv{version} Special-Purpose Address Registry, as published on \d{{4}}-\d\d-\d\d", first
    )
    assert second == f"# https://www.iana.org/assignments/{name}/{name}-1.csv"
    assert header.startswith("Address Block,Name,RFC,") and header.count(",") == 9  # noqa: PT018


def test_no_block_is_listed_twice() -> None:
    counts = Counter(network for version in (4, 6) for block in registry(version) for network in block.networks)

    assert set(counts.values()) == {1}


@pytest.mark.parametrize("network", UNREACHABLE, ids=str)
def test_the_whole_of_an_unreachable_block_is_special(network: object) -> None:
    network = ip_network(str(network))

    assert all(network[at] in special_purpose() for at in (0, network.num_addresses // 2, -1))


@pytest.mark.parametrize(
    "address", ["192.0.0.9", "192.0.0.10", "2001:1::1", "2001:3::1", "2001:4:112::1", "2001:20::1"]
)
def test_public_parts_of_blocks_for_protocols_are_special_too(address: str) -> None:
    assert ip_address(address) in special_purpose()


@pytest.mark.parametrize(
    "block",
    ["192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "224.0.0.0/4", "2001::/23", "2002::/16", "fec0::/10"],
)
def test_some_blocks_are_special_whatever_the_registries_say(monkeypatch: pytest.MonkeyPatch, block: str) -> None:
    monkeypatch.setattr(module, "registry", lambda _: ())
    network = ip_network(block)

    assert all(network[at] in special_purpose.__wrapped__() for at in (0, network.num_addresses // 2, -1))
