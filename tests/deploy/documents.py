# SPDX-License-Identifier: Apache-2.0
"""The files under deploy/, parsed."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

DEPLOY = Path(__file__).parents[2] / "deploy"
NETWORK_POLICY = DEPLOY / "kubernetes" / "networkpolicy-egress.yaml"
COMPOSE = DEPLOY / "compose.yaml"


def parsed(path: Path) -> dict[str, Any]:
    """The one document of a file."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict), path
    return document


def egress_rules() -> list[dict[str, Any]]:
    """The rules of the network policy."""
    rules: list[dict[str, Any]] = parsed(NETWORK_POLICY)["spec"]["egress"]
    return rules


def internet() -> list[dict[str, Any]]:
    """The address blocks that its last rule lets pods reach."""
    return [peer["ipBlock"] for peer in egress_rules()[-1]["to"]]


def excepted() -> list[IPv4Network | IPv6Network]:
    """What those blocks leave out."""
    return [ip_network(cidr) for block in internet() for cidr in block.get("except", ())]


def is_admitted(address: IPv4Address | IPv6Address) -> bool:
    """Whether the blocks let pods reach an address."""
    return any(
        address in ip_network(block["cidr"])
        and not any(address in ip_network(cidr) for cidr in block.get("except", ()))
        for block in internet()
    )
