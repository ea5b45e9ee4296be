# SPDX-License-Identifier: Apache-2.0
"""`hangtag tag` on the real server with the bundle that ships."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from consumer.catalogue.photo import draw
from consumer.catalogue.products import make_products
from consumer.cli import app
from consumer.errors import Refused
from consumer.local.state import Record, State

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from tests.support.triton import Triton

TITLE = "Navy blue men's slim jeans"


@pytest.fixture
def place(starter_triton: Triton, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder without parts, and settings that name the server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANGTAG_TRITON__GRPC", starter_triton.grpc)
    monkeypatch.setenv("HANGTAG_TRITON__READ_KEY", starter_triton.read_key)
    return tmp_path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a photo.jpg"
    path.write_bytes(draw(make_products(1, seed=1)[0].photos[0]))
    return path


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["tag", *map(str, arguments)], input=stdin)


def tagged(*arguments: object, stdin: bytes | None = None) -> dict[str, Any]:
    result = run(*arguments, "--output", "json", stdin=stdin)
    assert result.exit_code == 0, result.output
    fields: dict[str, Any] = json.loads(result.stdout)
    return fields


def attribute(fields: dict[str, Any], handle: str) -> dict[str, Any]:
    (found,) = (entry for entry in fields["attributes"] if entry["handle"] == handle)
    return dict(found)


@pytest.mark.triton
@pytest.mark.usefixtures("place")
def test_a_title_is_tagged() -> None:
    fields = tagged("--title", TITLE)

    assert fields["category"]["path"]
    assert [value["label"] for value in attribute(fields, "target-gender")["values"]] == ["Male"]
    assert fields["category"]["evidence"]["text"] is not None
    assert fields["category"]["evidence"]["image"] is None
    assert (fields["quality"]["modalities"], fields["images"], fields["status"]) == (["text"], [], "enriched")
    assert {"topic": "", "partition": -1, "offset": -1, "sku": "1"}.items() <= fields["source"].items()


@pytest.mark.triton
@pytest.mark.usefixtures("place")
def test_a_photo_may_be_a_file(photo: Path) -> None:
    fields = tagged("--title", TITLE, "--image", photo)

    (image,) = fields["images"]
    assert (image["url"], image["status"], image["contribution"]) == (photo.resolve().as_uri(), "ok", 1.0)
    assert fields["quality"]["modalities"] == ["image", "text"]


@pytest.mark.triton
@pytest.mark.usefixtures("place")
def test_a_file_is_decoded_under_all_rules(photo: Path) -> None:
    broken = photo.with_name("broken.jpg")
    broken.write_bytes(photo.read_bytes()[:500])

    fields = tagged("--title", TITLE, "--image", broken, "--image", photo)

    assert [image["status"] for image in fields["images"]] == ["decode_failed", "ok"]
    assert fields["status"] == "degraded"


@pytest.mark.triton
@pytest.mark.usefixtures("place")
def test_a_url_goes_by_the_rules_for_urls(photo: Path) -> None:
    record = json.dumps({"image_urls": [photo.resolve().as_uri()], "title": TITLE}).encode()

    of_a_url = tagged("--title", TITLE, "--image", "http://127.0.0.1:9/secret.jpg")
    of_a_record = tagged("--record", "-", stdin=record)

    assert [image["reason"] for image in of_a_url["images"]] == ["blocked_address"]
    assert [image["reason"] for image in of_a_record["images"]] == ["scheme"]


@pytest.mark.triton
def test_a_record_is_completed_and_options_stand_before_it(place: Path) -> None:
    record = place / "product.json"
    record.write_text(json.dumps({"vendor_id": "acme", "sku": "42", "title": "Red dress", "brand": "Acme"}))

    fields = tagged("--record", record, "--title", TITLE)

    assert {"vendor_id": "acme", "sku": "42"}.items() <= fields["source"].items()
    assert fields["source"]["product_version"] > 0
    assert [value["label"] for value in attribute(fields, "target-gender")["values"]] == ["Male"]


@pytest.mark.triton
@pytest.mark.usefixtures("place")
def test_a_table_is_printed_for_people() -> None:
    hostile = f"{TITLE} \x1b[31m[bold]"

    result = run("--title", hostile)

    lines = result.stdout.splitlines()
    category = tagged("--title", hostile)["category"]
    assert lines[0] == f"{category['breadcrumb'] or '-'} ({category['status']})"
    assert any("target-gender" in line and "Male" in line for line in lines)
    assert "\x1b" not in result.stdout


@pytest.mark.triton
def test_the_parts_of_local_up_are_found_where_no_address_is_set(
    starter_triton: Triton, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HANGTAG_TRITON__GRPC", raising=False)
    State(tmp_path / "parts").write("triton", Record(starter_triton.kept, asdict(starter_triton.status)))

    fields = tagged("--title", TITLE, "--state", tmp_path / "parts")

    assert fields["category"]["path"]


def test_without_triton_it_says_at_once_how_to_start_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HANGTAG_TRITON__GRPC", f"127.0.0.1:{unused.getsockname()[1]}")

    started = time.monotonic()
    result = run("--title", TITLE)

    assert isinstance(result.exception, Refused)
    assert "hangtag local up" in str(result.exception)
    assert time.monotonic() - started < 10


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HANGTAG_TRITON__GRPC", f"127.0.0.1:{silent.getsockname()[1]}")

        result = run("--title", TITLE, "--timeout", "0.5")

    assert isinstance(result.exception, Refused)
    assert "not within 0.5 s" in str(result.exception)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (b"{", "the record is not JSON"),
        (b"[1]", "no JSON object"),
        (b'{"sku": 3}', "sku: Input should be a valid string"),
        (b'{"vendor_id": "a b"}', "vendor_id"),
        (b'{"event_type": "DELETE"}', "nothing to tag"),
    ],
)
def test_a_record_that_is_no_product_fails(record: bytes, why: str) -> None:
    result = run("--record", "-", stdin=record)

    assert result.exit_code == 1
    assert why in result.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("--image", "nowhere.jpg"), ("--record", "nowhere.json"), ("--title", "x", "--timeout", "0")]
)
def test_a_wrong_use_is_told(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2
