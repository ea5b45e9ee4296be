# SPDX-License-Identifier: Apache-2.0
"""Images: limits, and what policy lets through."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator

from consumer.errors import to_install
from consumer.events import VENDOR_ID
from consumer.settings.host_names import is_odd_address, literal_of
from consumer.settings.section import Section


class PrivateEndpoint(NamedTuple):
    """A network and a port that image URLs may name although policy refuses them."""

    network: IPv4Network | IPv6Network
    port: int


#: Where clouds hand out credentials: AWS and most others, AWS over IPv6, Alibaba, Azure, Oracle, Google over IPv6.
_METADATA_IPV4 = ("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
_METADATA = (
    *map(ip_address, (*_METADATA_IPV4, "fd00:ec2::254", "fd20:ce::254")),
    *(ip_address(prefix + address) for prefix in ("::ffff:", "64:ff9b::") for address in _METADATA_IPV4),
)
#: Bits that an exception has at least, by version of IP: a site's network, not a provider's.
_MIN_PREFIX = {4: 16, 6: 64}
#: Address space that the process of AVIF takes before its first picture, by whether it decodes HEIC too: decision 16.
_AT_REST_BYTES = {False: 105_000_000, True: 136_000_000}


def _network(given: object) -> IPv4Network | IPv6Network:
    text = str(given)
    try:
        written = ip_interface(text)
    except ValueError:
        raise ValueError(f"{text!r} is no network: 203.0.113.0/24, 2001:db8::/32 or a single address") from None
    if written.ip != written.network.network_address:
        raise ValueError(f"{text!r} has host bits set: the network is {written.network}, the address {written.ip}")
    return written.network


def _endpoint(text: str) -> str:
    network = parse_endpoint(text).network
    if any(address in network for address in _METADATA):
        raise ValueError(f"{text!r} holds a metadata service: any vendor could read the machine's credentials there")
    if network.prefixlen < _MIN_PREFIX[network.version]:
        raise ValueError(f"{text!r} is wider than /16 (/64 for IPv6): name the hosts that vendors need")
    return text


def parse_endpoint(text: str) -> PrivateEndpoint:
    """`CIDR:port`, for example `127.0.0.1/32:8123` or `[::1]/128:8123`. Raises ValueError."""
    network, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 1 << 16):
        raise ValueError(f"{text!r} is not CIDR:port with a port of 1-65535")
    return PrivateEndpoint(_network(network.replace("[", "").replace("]", "")), int(port))


_PATTERN = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def _host_pattern(text: str) -> str:
    pattern = text.lower().rstrip(".")
    if literal_of(pattern) is None and (not _PATTERN.fullmatch(pattern) or is_odd_address(pattern)):
        raise ValueError(f"{text!r} is no host name: cdn.example.org, *.example.org or an address (IDN as xn--)")
    return pattern


def _nat64_prefix(given: object) -> IPv6Network:
    prefix = _network(given)
    if (
        isinstance(prefix, IPv4Network)
        or prefix.prefixlen not in {32, 40, 48, 56, 64, 96}
        or int(prefix[0]) >> 56 & 0xFF
    ):
        raise ValueError(f"{prefix} is no NAT64 prefix: 32, 40, 48, 56, 64 or 96 bits, of which bits 64-71 are zero")
    return prefix


#: `http://host/` has none.
_WITH_PATH = re.compile(r"https?://[^/?#]+[/?#].", re.IGNORECASE | re.DOTALL)


def _proxy(url: SecretStr) -> SecretStr:
    if _WITH_PATH.match(url.get_secret_value()):
        raise ValueError(
            "has a path or a query, which no proxy is asked for: http://proxy.example.org:4750 (in a password / is "
            "written %2F, ? %3F and # %23)"
        )
    return url


def _vendor(text: str) -> str:
    if text != "*" and not VENDOR_ID.fullmatch(text):
        raise ValueError(f'{text!r} can be no vendor id: {VENDOR_ID.pattern}, or "*"')
    return text


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"{text!r} has control characters: it is sent in a header of one line")
    return text


#: A host name or an address in lower case; `*.` in front means every host below it.
HostPattern = Annotated[str, AfterValidator(_host_pattern)]
_HostLists = dict[Annotated[str, AfterValidator(_vendor)], tuple[HostPattern, ...]]
_HOSTS_EXAMPLE = {"acme": ["cdn.example.org"]}


class Egress(StrEnum):
    """How image requests leave."""

    DIRECT = "direct"
    PROXY = "proxy"


#: A setting, and the one that it may not be above.
_ORDERED = (
    ("connect_timeout_s", "fetch_timeout_s"),
    ("read_timeout_s", "fetch_timeout_s"),
    ("slow_host_s", "fetch_timeout_s"),
    ("min_side_px", "max_side_px"),
    ("in_flight_per_host", "in_flight"),
    ("breaker_first_s", "breaker_cap_s"),
)


def _short(number: float) -> str:
    try:
        return f"{number:.15g}"
    except OverflowError:  # an int that no float holds
        return "more than 1e308"


class ImageSettings(Section):
    """Limits against vendors who choose the URLs and the bytes. All of them hold per process."""

    egress: Egress = Field(
        Egress.DIRECT,
        description="direct judges every address itself and ignores proxy variables; proxy leaves that to proxy_url.",
    )
    proxy_url: Annotated[SecretStr, AfterValidator(_proxy)] | None = Field(
        None, description="The one host that egress = proxy connects to, with its credentials if it wants any."
    )
    ca_file: Path | None = Field(None, description="PEM file of authorities that are trusted beside the system's.")
    allow_private: tuple[Annotated[str, AfterValidator(_endpoint)], ...] = Field(
        (), description="CIDR:port entries for which the port rule and the address rule are lifted, and nothing else."
    )
    refused_networks: tuple[Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)], ...] = Field(
        (), description="Never dialled although public: your own ranges, for example."
    )
    nat64_prefixes: tuple[Annotated[IPv6Network, BeforeValidator(_nat64_prefix)], ...] = Field(
        (), description="Your site's own, where it is not 64:ff9b::/96: what they wrap is judged (RFC 6052)."
    )
    allowed_hosts: _HostLists = Field(
        {},
        examples=[_HOSTS_EXAMPLE],
        description='Vendor id, or "*" for those not named, to the hosts that its URLs and their redirects may name; '
        '"*.example.org" is every host below. A vendor without an entry may name any.',
    )
    denied_hosts: _HostLists = Field(
        {},
        examples=[_HOSTS_EXAMPLE],
        description='The same for hosts that they may not name; here "*" holds for every vendor.',
    )
    schemes: tuple[Literal["http", "https"], ...] = Field(
        ("https", "http"), min_length=1, description="Of URLs and redirects; a redirect never leads from https to http."
    )
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        (80, 443), min_length=1, description="Of URLs and redirects: services that do not speak HTTP stay out of reach."
    )
    connect_timeout_s: float = Field(3, gt=0, description="To open a connection, DNS included.")
    read_timeout_s: float = Field(5, gt=0, description="Between two reads.")
    fetch_timeout_s: float = Field(15, gt=0, description="For one image over all hops; a slow drip ends here.")
    retries: int = Field(1, ge=0, le=3, description="Of a fetch that may do better; a second finds about one percent.")
    max_redirects: int = Field(3, ge=0, description="Hops followed, each checked like the first URL.")
    max_body_bytes: int = Field(10 << 20, ge=1, description="Body cap, by Content-Length and by counting.")
    body_bytes: int = Field(
        256 << 20, ge=1, description="Bytes of bodies that come in or wait to be decoded; one vendor has a quarter."
    )
    max_pixels: int = Field(
        40_000_000, ge=1, le=200_000_000, description="Width x height, read from the header before decoding."
    )
    max_side_px: int = Field(16_384, ge=1, description="Longest side.")
    min_side_px: int = Field(32, ge=1, description="Shortest side; smaller pictures say nothing.")
    avif_bytes: int = Field(
        1 << 30,
        ge=0,
        description="Address space of the process that decodes AVIF and HEIC; 40 megapixels take 530-905 MB of it. "
        "0 turns AVIF off, and is no setting for HEIC.",
    )
    decode_timeout_s: float = Field(10, gt=0, le=3600, description="For one AVIF or HEIC; the process is killed then.")
    heic: bool = Field(
        default=False, description="Decode HEIC too; needs the extra `heic`. Hosts that choose a format are told of it."
    )
    per_product: int = Field(
        6, ge=1, le=6, description="URLs tried per product: the first ones; events list at most 6."
    )
    in_flight: int = Field(128, ge=1, description="Fetches at a time; one vendor has three quarters of them.")
    in_flight_per_host: int = Field(
        8, ge=1, description="Fetches at a time per host and vendor: politeness. Processes do not know of each other."
    )
    slow_host_s: float = Field(
        1,
        gt=0,
        description="Longer for an answer is slow: then no more wait than the host serves in fetch_timeout_s, the rest "
        "is lost. A quicker host is waited for, and intake keeps its pace.",
    )
    breaker_failures: int = Field(
        5, ge=1, description="Timeouts, failed connections and 5xx in a row after which a host is left alone."
    )
    breaker_first_s: float = Field(30, gt=0, description="For so long at first; then one fetch tries it.")
    breaker_cap_s: float = Field(900, gt=0, description="The pause doubles with each failed trial up to this.")
    retry_after_cap_s: float = Field(600, gt=0, description="A host that asks for more is left alone for so long.")
    hosts_remembered: int = Field(10_000, ge=1, description="Hosts whose state is kept: vendors invent names.")
    dns_cache_s: int = Field(60, ge=0, description="Addresses are judged when they are dialled, so a cache is safe.")
    keep_alive_s: float = Field(60, gt=0, description="A kept connection costs a fifth of the CPU of a new one.")
    connections_kept_alive: int = Field(
        256,
        ge=0,
        description="Open connections that are kept for the next image, each a descriptor; beyond them each image gets "
        "a new one. With in_flight it is to stay below the limit of descriptors, often 1,024.",
    )
    decode_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=1024,
        description="That one vendor may have. Default: one per core. One more is for others, one for large pictures, "
        "one for AVIF and HEIC.",
    )
    slow_decode_s: float = Field(
        1,
        gt=0,
        le=3600,
        description="Of a vendor's pictures, on average; slower ones have a short queue, as at a slow host.",
    )
    contact: Annotated[str, AfterValidator(_one_line)] = Field(
        "https://example.org/hangtag", description="Contact in the User-Agent, for host owners."
    )

    @field_validator("heic")
    @classmethod
    def _refuse_what_cannot_be_decoded(cls, heic: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  # pydantic's way
        if heic and find_spec("pillow_heif") is None:
            raise ValueError(f"pillow-heif is missing; to install it: {to_install('heic')}")
        if heic and info.data.get("avif_bytes") == 0:
            raise ValueError("the memory of its process is images.avif_bytes, which is 0")
        return heic

    @model_validator(mode="after")
    def _refuse_what_contradicts(self) -> ImageSettings:
        """A default that is above its bound is no fault: it is as if it were the bound."""
        faults = [
            self._above(lower, upper)
            for lower, upper in _ORDERED
            if getattr(self, lower) > getattr(self, upper)
            and getattr(self, lower) != type(self).model_fields[lower].default
        ]
        if self.max_body_bytes > self.body_bytes:  # one body of that size would be let in all the same
            faults.append(self._above("max_body_bytes", "body_bytes"))
        if 0 < self.avif_bytes <= (at_rest := _AT_REST_BYTES[self.heic]):
            faults.append(
                f"avif_bytes = {self.avif_bytes} is no more than its process takes before the first picture "
                f"({at_rest}): raise it, or set 0, which turns AVIF off"
            )
        if self.proxy_url is not None and self.egress is Egress.DIRECT:
            faults.append("proxy_url is set, but egress = direct goes past it: set egress = proxy, or unset proxy_url")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _above(self, lower: str, upper: str) -> str:
        values = f"{lower} = {_short(getattr(self, lower))} is above {upper} = {_short(getattr(self, upper))}"
        return f"{values}: lower it or raise {upper}"

    @property
    def private_endpoints(self) -> tuple[PrivateEndpoint, ...]:
        """`allow_private`, parsed."""
        return tuple(parse_endpoint(entry) for entry in self.allow_private)
