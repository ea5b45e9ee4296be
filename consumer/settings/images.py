# SPDX-License-Identifier: Apache-2.0
"""Images: limits, and what policy lets through."""

from __future__ import annotations

import os
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from consumer.settings.section import Section


class PrivateEndpoint(NamedTuple):
    """A network and a port that image URLs may name although policy refuses them."""

    network: IPv4Network | IPv6Network
    port: int


def _endpoint(text: str) -> str:
    parse_endpoint(text)
    return text


def parse_endpoint(text: str) -> PrivateEndpoint:
    """`CIDR:port`, for example `127.0.0.1/32:8123` or `[::1]/128:8123`. Raises ValueError."""
    network, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 1 << 16):
        raise ValueError(f"{text!r} is not CIDR:port with a port of 1-65535")
    return PrivateEndpoint(ip_network(network.replace("[", "").replace("]", "")), int(port))


class Egress(StrEnum):
    """How image requests leave."""

    DIRECT = "direct"
    PROXY = "proxy"


class ImageSettings(Section):
    """Limits against vendors who choose the URLs and the bytes."""

    egress: Egress = Field(Egress.DIRECT, description="direct judges every address itself; proxy is not supported yet.")
    allow_private: tuple[Annotated[str, AfterValidator(_endpoint)], ...] = Field(
        (), description="CIDR:port entries for which the port rule and the address rule are lifted, and nothing else."
    )
    connect_timeout_s: float = Field(3, gt=0, description="To open a connection, DNS included.")
    read_timeout_s: float = Field(5, gt=0, description="Between two reads.")
    fetch_timeout_s: float = Field(15, gt=0, description="For one image over all hops; a slow drip ends here.")
    max_redirects: int = Field(3, ge=0, description="Hops followed, each checked like the first URL.")
    max_body_bytes: int = Field(10 << 20, ge=1, description="Body cap, by Content-Length and by counting.")
    max_pixels: int = Field(40_000_000, ge=1, description="Width x height, read from the header before decoding.")
    max_side_px: int = Field(16_384, ge=1, description="Longest side.")
    min_side_px: int = Field(32, ge=1, description="Shortest side; smaller pictures say nothing.")
    per_product: int = Field(6, ge=1, le=6, description="URLs tried per product, best first; events list at most 6.")
    in_flight: int = Field(128, ge=1, description="Fetches at a time per process.")
    in_flight_per_host: int = Field(8, ge=1, description="Fetches at a time per host: politeness.")
    decode_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, description="Default: one per core.")
    contact: str = Field("https://example.org/hangtag", description="Contact in the User-Agent, for host owners.")

    @property
    def private_endpoints(self) -> tuple[PrivateEndpoint, ...]:
        """`allow_private`, parsed."""
        return tuple(parse_endpoint(entry) for entry in self.allow_private)
