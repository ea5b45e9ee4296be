# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import PIL
import pytest
from PIL import features

from consumer.doctor.finding import Status
from consumer.doctor.images import check_images, try_egress
from consumer.errors import SettingsInvalid
from consumer.settings import ImageSettings

if TYPE_CHECKING:
    from consumer.doctor.finding import Finding

PROXY = {"egress": "proxy", "proxy_url": "http://user:secret@proxy.example.org:4750/"}


def judged(**settings: Any) -> dict[str, Finding]:
    """By check, of those that ask nobody."""
    found: dict[str, Finding] = {}
    for finding in check_images(ImageSettings(**PROXY | settings), 1):
        found[finding.check] = finding
        if finding.check == "egress":  # the proxy is tried next
            break
    return found


def test_the_rules_and_the_decoders_are_named() -> None:
    finding = judged(ports=(80, 443, 8443), refused_networks=("203.0.113.0/24", "2001:db8::/32"))["images"]

    assert finding.status is Status.OK
    assert "ports 80, 443, 8443; " in finding.found
    assert "refused networks: 203.0.113.0/24, 2001:db8::/32; " in finding.found
    assert f"Pillow {PIL.__version__}, simplejpeg " in finding.found
    assert finding.found.endswith(f"libavif {features.version('avif')}")


def test_a_format_that_is_off_needs_no_decoder() -> None:
    assert judged(avif_bytes=0)["images"].found.endswith("AVIF off")
    assert "heif" not in judged()["images"].found


def test_a_decoder_that_is_switched_on_is_named() -> None:
    assert judged(heic=True)["images"].found.endswith(f", pillow-heif {version('pillow-heif')}")


def test_a_pillow_without_a_decoder_that_is_wanted_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "version", lambda _: None)

    assert judged()["images"].status is Status.WARNING
    assert judged(avif_bytes=0)["images"].status is Status.OK


def test_private_endpoints_are_a_warning() -> None:
    assert judged()["private_images"].status is Status.OK
    assert judged(allow_private=("127.0.0.1/32:8123",))["private_images"].status is Status.WARNING


def test_a_proxy_is_named_without_its_credentials() -> None:
    finding = judged()["egress"]

    assert finding.status is Status.OK
    assert "http://proxy.example.org:4750 dials" in finding.found
    assert not any("secret" in found.found for found in judged().values())


@pytest.mark.parametrize("url", [None, "proxy.example.org:4750", "/proxy"])
def test_a_proxy_that_is_not_named_is_a_fault_of_the_settings(url: str | None) -> None:
    with pytest.raises(SettingsInvalid, match=r"images\.proxy_url"):
        try_egress(ImageSettings(**PROXY | {"proxy_url": url}))
