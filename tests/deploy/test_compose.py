# SPDX-License-Identifier: Apache-2.0
"""The compose file with the profile `proxy`."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from consumer.settings import Egress, ImageSettings, load_settings
from tests.deploy.documents import COMPOSE, DEPLOY, excepted, parsed

if TYPE_CHECKING:
    from pathlib import Path

EXPORT = re.compile(r"^#\s+export (HANGTAG_\w+)=(\S+)$", re.MULTILINE)
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
NAMED = re.compile(r"\bHANGTAG_IMAGES__(\w+)")


def proxy() -> dict[str, Any]:
    services = parsed(COMPOSE)["services"]
    (service,) = services.values()
    return dict(service)


def denied() -> list[str]:
    return [word.removeprefix("--deny-range=") for word in proxy()["command"] if word.startswith("--deny-range=")]


def is_denied(address: str) -> bool:
    found = ip_address(address)
    return any(found in ip_network(cidr) for cidr in denied())


def test_the_proxy_runs_only_where_its_profile_is_asked_for() -> None:
    assert proxy()["profiles"] == ["proxy"]


def test_the_commands_at_its_head_lead_a_worker_to_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in EXPORT.findall(COMPOSE.read_text(encoding="utf-8")):
        monkeypatch.setenv(name, value)

    images = load_settings().images

    assert images.egress is Egress.PROXY
    assert images.proxy_url is not None
    url = urlsplit(images.proxy_url.get_secret_value())
    published, listening = proxy()["ports"][0].rsplit(":", 1)
    assert published == f"{url.hostname}:{url.port}"
    assert f"--listen-port={listening}" in proxy()["command"]
    assert ip_address(str(url.hostname)).is_loopback


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_setting_that_a_file_names_exists(path: Path) -> None:
    named = {name.lower() for name in NAMED.findall(path.read_text(encoding="utf-8"))}

    assert named <= set(ImageSettings.model_fields)


def test_the_proxy_denies_what_the_network_policy_excepts() -> None:
    assert {str(network) for network in excepted()} <= set(denied())


@pytest.mark.parametrize("address", ["fc00::1", "fd00:ec2::254", "fe80::1", "::1", "::", "ff02::1", "64:ff9b::a00:1"])
def test_the_proxy_denies_everything_but_global_unicast(address: str) -> None:
    assert is_denied(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1", "2001:4860:4860::8888"])
def test_the_proxy_lets_the_internet_through(address: str) -> None:
    assert not is_denied(address)


def test_the_proxy_is_built_from_one_version() -> None:
    build = proxy()["build"]
    dockerfile = (DEPLOY / build["context"] / "Dockerfile").read_text(encoding="utf-8")

    # A commit's pseudo-version: its time in UTC and its first twelve digits.
    assert re.fullmatch(r"v\d+\.\d+\.\d+-0\.\d{14}-[0-9a-f]{12}", build["args"]["SMOKESCREEN_VERSION"])
    assert 'go install -trimpath "github.com/stripe/smokescreen@${SMOKESCREEN_VERSION}"' in dockerfile


def test_the_proxys_container_may_do_little() -> None:
    service = proxy()

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert not {"environment", "volumes", "privileged"} & set(service)
