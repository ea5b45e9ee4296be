# SPDX-License-Identifier: Apache-2.0
"""The commands and settings of docs/images.md, typed as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from consumer.catalogue.photo import draw
from consumer.catalogue.products import make_products
from consumer.cli import app
from consumer.settings import Egress, load_settings

if TYPE_CHECKING:
    from typer.testing import Result

    from tests.support.images import ImageHost

PAGE = (Path(__file__).parents[3] / "docs" / "images.md").read_text(encoding="utf-8")
CDN = "https://cdn.example.org"
COMMAND = re.compile(r"^(?:\$ )?hangtag (images check .*)$", re.MULTILINE)
#: What differs from run to run: addresses, times, sizes.
VARYING = (r" at [\d.]+:", r"\b\d+\.\d{3} s", r"\b\d+ bytes")


def blocks(kind: str) -> list[str]:
    return [text for name, text in re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) if name == kind]


def typed(command: str) -> Result:
    return CliRunner().invoke(app, shlex.split(command))


def steady(text: str) -> str:
    for pattern in VARYING:
        text = re.sub(pattern, "", text)
    return text


@pytest.fixture
def cdn(image_host: ImageHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The root of a host that has one of the two photos."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOW_PRIVATE", f'["{image_host.allow_private}"]')
    photo = image_host.add("1001.jpg", draw(make_products(1, seed=1)[0].photos[0]))
    (tmp_path / "urls.txt").write_text(f"# photos\n{photo}\n")
    return image_host.url


def test_the_commands_do_what_the_page_says(cdn: str) -> None:
    first, of_a_file = COMMAND.findall(PAGE)
    shown = next(block for block in blocks("") if first in block).partition("\n")[2]

    answer = typed(first.replace(CDN, cdn))

    assert answer.exit_code == 1
    assert steady(answer.stdout) == steady(shown.replace(CDN, cdn))
    assert typed(of_a_file).exit_code == 0


@pytest.mark.image_rule(16)
def test_the_lists_of_hosts_hold_as_it_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = blocks("toml")
    (tmp_path / "hangtag.toml").write_text(block)
    refused = {
        "acme": ["images.example.org", "www.example.org", "old.example.org"],
        "other": ["example.org", "old.example.org", "example.net"],
    }

    for vendor, hosts in refused.items():
        # Refused before anybody is asked for an address, or the guard of all tests would have a word.
        answer = typed(f"images check --vendor {vendor} {' '.join(f'http://{host}/' for host in hosts)}")
        assert answer.stdout.count("host_not_allowed") == len(hosts)
    assert load_settings().images.allowed_hosts["acme"] == ("cdn.example.org", "*.images.example.org")


def test_the_variables_are_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    exports = re.findall(r"^export (HANGTAG_\w+)=(\S+)$", PAGE, re.MULTILINE)
    for name, value in exports:
        monkeypatch.setenv(name, value)

    images = load_settings().images

    assert len(exports) == 4
    assert images.heic
    assert images.egress is Egress.PROXY
    assert str(images.ca_file) == dict(exports)["HANGTAG_IMAGES__CA_FILE"]
