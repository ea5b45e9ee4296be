# SPDX-License-Identifier: Apache-2.0
"""The sample NetworkPolicy, held against the address rule of the image path."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest

from consumer.events import FetchReason
from consumer.images.addresses import AddressPolicy
from consumer.images.special_purpose import SpecialBlock, registry
from consumer.settings import ImageSettings
from tests.deploy.documents import NETWORK_POLICY, egress_rules, excepted, internet, is_admitted, parsed

PRIVATE = {
    "10.0.0.0/8": "RFC 1918",
    "172.16.0.0/12": "RFC 1918",
    "192.168.0.0/16": "RFC 1918",
    "100.64.0.0/10": "carrier-grade NAT",
    "169.254.0.0/16": "link-local",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "Azure's host services",
    "224.0.0.0/4": "multicast",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
    "::1/128": "loopback",
    "64:ff9b:1::/48": "local NAT64",
    "2002::/16": "6to4",
    "2001::/32": "Teredo",
}


#: What stands for IPv4 within IPv6 is left out as a whole; Hangtag looks inside.
WRAPPINGS = {"::ffff:0:0/96", "64:ff9b::/96"}


def ends(network: IPv4Network | IPv6Network) -> set[str]:
    """The first address, the last and one in the middle."""
    return {str(network[0]), str(network[network.num_addresses // 2]), str(network[-1])}


@pytest.mark.parametrize("network", excepted(), ids=str)
def test_hangtag_refuses_what_the_network_policy_excepts(network: IPv4Network | IPv6Network) -> None:
    policy = AddressPolicy.of(ImageSettings())
    verdicts = {address: policy.judge(ip_address(address), 443) for address in ends(network)}

    assert verdicts == dict.fromkeys(verdicts, FetchReason.BLOCKED_ADDRESS)


@pytest.mark.parametrize("block", internet(), ids=lambda block: block["cidr"])
def test_an_exception_lies_within_its_block(block: dict[str, list[str]]) -> None:
    outer = ip_network(str(block["cidr"]))

    # The API server refuses the policy otherwise.
    assert all(outer.supernet_of(ip_network(cidr)) for cidr in block["except"])  # type: ignore[arg-type]
    assert all(ip_network(cidr) != outer for cidr in block["except"])


@pytest.mark.parametrize("row", [*registry(4), *registry(6)], ids=lambda row: row.name)
def test_of_the_registries_blocks_those_are_reached_that_hangtag_fetches_from(row: SpecialBlock) -> None:
    policy = AddressPolicy.of(ImageSettings())
    addresses = [ip_address(end) for block in row.networks if str(block) not in WRAPPINGS for end in ends(block)]

    assert [is_admitted(address) for address in addresses] == [policy.is_public(address) for address in addresses]


@pytest.mark.parametrize("cidr", PRIVATE)
def test_no_private_network_is_reached(cidr: str) -> None:
    assert not any(is_admitted(ip_address(address)) for address in ends(ip_network(cidr)))


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"],
)
def test_no_clouds_metadata_service_is_reached(address: str) -> None:
    assert not is_admitted(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "2606:4700::1", "2001:4860:4860::8888"],
)
def test_the_internet_is_reached(address: str) -> None:
    assert is_admitted(ip_address(address))


def test_image_hosts_are_reached_on_the_ports_of_the_settings() -> None:
    ports = [(entry["protocol"], entry["port"]) for entry in egress_rules()[-1]["ports"]]

    assert ports == [("TCP", port) for port in ImageSettings().ports]


def test_every_rule_names_peers_and_ports_and_only_the_last_one_address_blocks() -> None:
    *cluster, _ = egress_rules()

    for rule in egress_rules():
        assert rule["to"]
        assert rule["ports"]
        assert all(entry["protocol"] in {"TCP", "UDP"} and isinstance(entry["port"], int) for entry in rule["ports"])
    for peer in (peer for rule in cluster for peer in rule["to"]):
        assert set(peer) == {"namespaceSelector", "podSelector"}
        assert all(selector["matchLabels"] for selector in peer.values())  # an empty one selects everything


def test_it_is_about_egress_of_our_own_pods() -> None:
    policy = parsed(NETWORK_POLICY)

    assert (policy["apiVersion"], policy["kind"]) == ("networking.k8s.io/v1", "NetworkPolicy")
    assert policy["spec"]["podSelector"]["matchLabels"]
    assert policy["spec"]["policyTypes"] == ["Egress"]
