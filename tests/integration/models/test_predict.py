# SPDX-License-Identifier: Apache-2.0
"""`hangtag models predict` with the bundle that ships, over drawn photos."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from consumer.catalogue.photo import draw
from consumer.catalogue.products import make_products
from consumer.cli import app
from consumer.errors import OptionInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from tests.support.triton import Triton

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("_train_extra")]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two photos, one of them in a folder below, what only bears a photo's name, and what is none at all."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for name, product in zip(("a.jpg", "more/b.JPG"), make_products(2, seed=1), strict=True):
        (folder / name).write_bytes(draw(product.photos[0]))
    (folder / "broken.png").write_bytes(b"no photo")
    (folder / "notes.txt").write_text("no photo either")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["models", "predict", *map(str, arguments)])


def rows_of(text: str) -> dict[str, dict[str, str]]:
    return {row["sku"]: row for row in csv.DictReader(io.StringIO(text))}


def test_each_photo_is_a_product_and_one_that_cannot_be_read_is_named(photos: Path) -> None:
    result = run(photos)

    assert result.exit_code == 3
    rows = rows_of(result.stdout)
    assert list(rows) == ["a.jpg", "broken.png", "more/b.JPG"]
    assert rows["a.jpg"]["status"] == "enriched"
    assert rows["a.jpg"]["category"].startswith("Apparel & Accessories")
    assert rows["a.jpg"]["category.status"] in {"accepted", "suggested", "abstained"}
    assert 0 < float(rows["a.jpg"]["color.confidence"]) <= 1
    assert (rows["broken.png"]["status"], rows["broken.png"]["category"]) == ("degraded", "")
    assert result.stderr == "broken.png: broken.png: unsupported_format\n"


def test_a_table_adds_words_and_names_photos_by_their_path_in_the_folder(photos: Path, tmp_path: Path) -> None:
    table, out = tmp_path / "products.csv", tmp_path / "tags.csv"
    (tmp_path / "secret.jpg").write_bytes((photos / "a.jpg").read_bytes())
    table.write_text(
        "sku,title,image_urls\n"
        "1,Navy Blue Slim Fit Jeans for Men,a.jpg more/b.JPG\n"
        "2,Red Floral Print Saree,\n"
        "3,A gone photo,gone.jpg\n"
        "4,A photo elsewhere,../secret.jpg\n"
        ",No id,a.jpg\n"
    )

    result = run(photos, "--table", table, "--out", out)

    assert (result.exit_code, result.stdout) == (3, "")
    rows = rows_of(out.read_text())
    assert list(rows) == ["1", "2", "3", "4"]
    assert "Jeans" in rows["1"]["category"]
    assert rows["1"]["target-gender"] == "Male"
    assert "Saris" in rows["2"]["category"]
    assert (rows["2"]["color"], rows["2"]["color.status"]) == ("Red", "accepted")
    named = result.stderr.splitlines()
    assert f"line 4: there is no photo gone.jpg in {photos}" in named[0]
    assert f"line 5: there is no photo ../secret.jpg in {photos}" in named[1]
    assert "line 6: " in named[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "products.csv", "secret.jpg", "tags.csv"]


@pytest.mark.parametrize("options", [[], ["--table"]], ids=["folder", "table"])
def test_nothing_to_tag_is_an_error_of_its_own(tmp_path: Path, options: list[str]) -> None:
    table = tmp_path / "products.csv"
    table.write_text("sku,title\n")

    result = run(tmp_path, *options, *([table] if options else []), "--out", tmp_path / "tags.csv")

    assert isinstance(result.exception, OptionInvalid)
    assert "there is no p" in str(result.exception)
    assert not (tmp_path / "tags.csv").exists()


def test_the_models_say_here_what_they_say_on_triton(
    photos: Path, tmp_path: Path, starter_triton: Triton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANGTAG_TRITON__GRPC", starter_triton.grpc)
    monkeypatch.setenv("HANGTAG_TRITON__READ_KEY", starter_triton.read_key)
    table, title = tmp_path / "products.csv", "Navy Blue Slim Fit Jeans for Men"
    table.write_text(f"sku,title,image_urls\n1,{title},a.jpg\n")

    here = json.loads(run(photos, "--table", table, "--output", "json").stdout)
    served = json.loads(
        CliRunner().invoke(app, ["tag", "--title", title, "--image", str(photos / "a.jpg"), "--output", "json"]).stdout
    )

    assert here["category"]["id"] == served["category"]["id"]
    assert here["category"]["confidences"] == pytest.approx(served["category"]["confidences"], abs=0.02)
    assert opinions(here) == opinions(served)
    assert here["provenance"]["precision"] == "f32"


def opinions(event: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    return {
        attribute["handle"]: (attribute["status"], [value["label"] for value in attribute["values"]])
        for attribute in event["attributes"]
    }
