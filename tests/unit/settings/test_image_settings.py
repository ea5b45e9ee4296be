# SPDX-License-Identifier: Apache-2.0
import json
import sys

import pytest
from pydantic import SecretStr, ValidationError

from consumer.errors import SettingsInvalid
from consumer.settings import ImageSettings, load_settings
from tests.unit.settings.faults import faults


def test_an_allowed_private_endpoint_names_network_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOW_PRIVATE", '["127.0.0.1/32:8123", "[::1]/128:80"]')

    endpoints = load_settings().images.private_endpoints

    assert [(str(endpoint.network), endpoint.port) for endpoint in endpoints] == [
        ("127.0.0.1/32", 8123),
        ("::1/128", 80),
    ]


@pytest.mark.parametrize("entry", ["127.0.0.1/32", "127.0.0.1/32:0", "127.0.0.1/33:80", "host:80"])
def test_a_broken_private_endpoint_is_refused(monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOW_PRIVATE", f'["{entry}"]')

    with pytest.raises(SettingsInvalid, match="allow_private"):
        load_settings()


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("169.254.169.254/32:80", "metadata"),
        ("169.254.0.0/16:80", "metadata"),
        ("100.100.100.200/32:80", "metadata"),
        ("168.63.129.0/24:80", "metadata"),
        ("192.0.0.192/32:80", "metadata"),
        ("[fd00:ec2::254]/128:80", "metadata"),
        ("[fd20:ce::]/64:80", "metadata"),
        ("[::ffff:169.254.169.254]/128:80", "metadata"),
        ("[64:ff9b::]/96:80", "metadata"),
        ("0.0.0.0/0:80", "metadata"),
        ("10.0.0.0/15:80", "wider"),
        ("[fd12::]/63:80", "wider"),
    ],
)
def test_no_exception_is_made_for_a_metadata_service_or_a_whole_network(
    monkeypatch: pytest.MonkeyPatch, entry: str, why: str
) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOW_PRIVATE", json.dumps(["10.0.0.0/16:80", "[fd12::]/64:80", entry]))

    with pytest.raises(SettingsInvalid, match=rf"images\.allow_private\.2: .*{why}"):
        load_settings()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"read_timeout_s": 20, "connect_timeout_s": 16}, ["connect_timeout_s = 16 is above", "read_timeout_s = 20"]),
        ({"read_timeout_s": 3, "fetch_timeout_s": 2}, ["read_timeout_s = 3 is above fetch_timeout_s = 2: lower it or"]),
        ({"slow_host_s": 16}, ["slow_host_s"]),
        ({"min_side_px": 64, "max_side_px": 63}, ["min_side_px"]),
        ({"in_flight_per_host": 129}, ["in_flight_per_host"]),
        ({"breaker_first_s": 901}, ["breaker_first_s"]),
        ({"body_bytes": 1 << 20}, ["max_body_bytes = 10485760 is above body_bytes = 1048576: lower it or raise body_"]),
        ({"min_side_px": 10**400}, ["min_side_px = more than 1e308 is above max_side_px = 16384: lower it"]),
        ({"avif_bytes": 105_000_000}, ["avif_bytes = 105000000 is no more than", "set 0, which turns AVIF off"]),
        ({"avif_bytes": 136_000_000, "heic": True}, ["before the first picture (136000000): raise it"]),
        ({"proxy_url": "http://ann:hush@proxy:1"}, ["set egress = proxy, or unset proxy_url"]),
        ({"breaker_first_s": 901, "proxy_url": "http://ann:hush@proxy:1"}, ["breaker_first_s", "proxy_url is set"]),
    ],
)
def test_image_settings_that_contradict_each_other_are_told_all_at_once(
    settings: dict[str, object], words: list[str]
) -> None:
    (told,) = faults(images=settings)

    assert all(fault in told for fault in words)
    assert "hush" not in told


def test_a_default_above_the_bound_that_is_set_is_no_fault() -> None:
    images = load_settings(images={"fetch_timeout_s": 0.5, "in_flight": 2, "breaker_cap_s": 10}).images

    assert (images.read_timeout_s, images.in_flight_per_host) == (5, 8)


@pytest.mark.parametrize("avif_bytes", [0, 105_000_001])
def test_avif_is_off_or_its_process_can_start(avif_bytes: int) -> None:
    assert load_settings(images={"avif_bytes": avif_bytes}).images.avif_bytes == avif_bytes


@pytest.mark.parametrize("rest", ["/path", "//", "/?key=hush", "?key=hush", "/#x", ":1/x"])
def test_a_proxy_with_a_path_is_refused_and_not_repeated(rest: str) -> None:
    (told,) = faults(images={"egress": "proxy", "proxy_url": f"http://ann:hush@proxy{rest}"})

    assert told.startswith("images.proxy_url: has a path or a query, ")
    assert "hush" not in told


@pytest.mark.parametrize("url", ["http://proxy", "http://proxy/", "HTTP://ann:hush@proxy:4750/"])
def test_a_proxy_is_named_with_or_without_the_last_slash(url: str) -> None:
    assert load_settings(images={"egress": "proxy", "proxy_url": url}).images.proxy_url == SecretStr(url)


@pytest.mark.parametrize(("name", "value"), [("max_pixels", 200_000_001), ("decode_threads", 1025)])
def test_more_than_a_machine_can_decode_is_refused(name: str, value: int) -> None:
    with pytest.raises(SettingsInvalid, match=rf"images\.{name}"):
        load_settings(images={name: value})


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("127.0.0.1/8", "'127.0.0.1/8' has host bits set: the network is 127.0.0.0/8, the address 127.0.0.1"),
        ("2001:db8::1/32", "'2001:db8::1/32' has host bits set: the network is 2001:db8::/32, the address 2001:db8::1"),
        ("nonsense", "'nonsense' is no network: 203.0.113.0/24, 2001:db8::/32 or a single address"),
        (5, "'5' is no network: 203.0.113.0/24, 2001:db8::/32 or a single address"),
    ],
)
def test_a_network_that_is_none_is_answered_in_one_line_wherever_it_stands(entry: object, why: str) -> None:
    images = {"refused_networks": [entry], "nat64_prefixes": [entry], "allow_private": [f"{entry}:80"]}

    assert faults(images=images) == [
        f"images.allow_private.0: {why}",
        f"images.refused_networks.0: {why}",
        f"images.nat64_prefixes.0: {why}",
    ]


def test_networks_are_refused_by_range_or_by_single_address() -> None:
    images = load_settings(images={"refused_networks": ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7"]}).images

    assert [str(network) for network in images.refused_networks] == [
        "203.0.113.0/24",
        "2001:db8::/32",
        "198.51.100.7/32",
    ]


@pytest.mark.parametrize("prefix", ["10.0.0.0/32", "2001:db8::/33", "2001:db8::/128", "2001:db8:0:0:100::/96"])
def test_a_nat64_prefix_that_cannot_be_one_is_refused(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__NAT64_PREFIXES", f'["{prefix}"]')

    with pytest.raises(SettingsInvalid, match=rf"images\.nat64_prefixes\.0: {prefix} is no NAT64 prefix: 32, 40"):
        load_settings()


@pytest.mark.parametrize("length", [32, 40, 48, 56, 64, 96])
def test_a_nat64_prefix_has_one_of_six_lengths(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__NAT64_PREFIXES", f'["2001:db8::/{length}"]')

    assert [prefix.prefixlen for prefix in load_settings().images.nat64_prefixes] == [length]


@pytest.mark.parametrize(
    "host",
    [
        "",
        "*",
        "a..b",
        "https://shop.example",
        "shop.example:80",
        "bücher.example",
        "*.8.8",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "a.256",
        "[::1]",
        "::1%eth0",
        "1:2",
    ],
)
def test_a_host_that_no_url_could_name_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__DENIED_HOSTS", json.dumps({"*": [host]}))

    with pytest.raises(SettingsInvalid, match=r"images\.denied_hosts.*is no host name"):
        load_settings()


@pytest.mark.parametrize("vendor", ["ac me", "", "*.acme", "a" * 65, "bücher"])
def test_hosts_of_a_vendor_that_no_event_can_have_are_refused(vendor: str) -> None:
    why = """can be no vendor id: [A-Za-z0-9._-]{1,64}, or "*\""""
    hosts = {"a" * 64: ["a.example"], "*": ["b.example"], vendor: ["c.example"]}

    assert faults(images={"allowed_hosts": hosts, "denied_hosts": hosts}) == [
        f"images.allowed_hosts.{vendor}: {vendor!r} {why}",
        f"images.denied_hosts.{vendor}: {vendor!r} {why}",
    ]


def test_hosts_are_named_in_any_case_and_with_or_without_the_last_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = ["CDN.Example.org.", "*.example.org", "xn--bcher-kva.example", "8.8.8.8", "2606:4700::1"]
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOWED_HOSTS", json.dumps({"acme": hosts}))

    allowed = load_settings().images.allowed_hosts

    assert allowed == {"acme": ("cdn.example.org", *hosts[1:])}


def test_heic_needs_its_package_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__HEIC", "true")
    assert load_settings().images.heic

    monkeypatch.setenv("HANGTAG_IMAGES__AVIF_BYTES", "0")
    with pytest.raises(SettingsInvalid, match=r"images\.heic: .*images\.avif_bytes"):
        load_settings()
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where it is not installed
    with pytest.raises(SettingsInvalid, match=r"images\.heic: .*pip install .*'\.\[heic\]'"):
        load_settings()


@pytest.mark.parametrize("contact", ["mailto:us@shop.example\n", "a\r\nHost: b", "a\x00"])
def test_a_contact_that_does_not_fit_a_header_is_refused(contact: str) -> None:
    with pytest.raises(ValidationError, match="control characters"):
        ImageSettings(contact=contact)


def test_an_event_never_lists_more_images_than_its_readers_were_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__PER_PRODUCT", "7")

    with pytest.raises(SettingsInvalid, match=r"images\.per_product"):
        load_settings()
