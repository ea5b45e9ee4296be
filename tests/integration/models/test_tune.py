# SPDX-License-Identifier: Apache-2.0
"""`hangtag models tune` on the bundle that ships, by drawn photos that mean something else than what it learnt."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from consumer.bundle import NEVER, load_bundle, starter_folder
from consumer.cli import app
from consumer.errors import OptionInvalid, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("_train_extra")]

PHOTOS = 24
#: No catalogue draws its shirts as discs and its jeans as squares: the starter cannot know.
SHAPES = {"T-Shirts": "ellipse", "Jeans": "rectangle"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    random = np.random.default_rng(2)
    for label, shape in SHAPES.items():
        (folder / label).mkdir()
        for number in range(PHOTOS):
            (folder / label / f"{number}.png").write_bytes(_drawn(shape, random))
    return folder


def _drawn(shape: str, random: np.random.Generator, colour: tuple[int, ...] | None = None) -> bytes:
    picture = Image.new("RGB", (90, 120), "white")
    left, top = random.integers(5, 25, 2).tolist()
    width = int(random.integers(40, 60))
    colour = colour or tuple(random.integers(0, 200, 3).tolist())
    getattr(ImageDraw.Draw(picture), shape)((left, top, left + width, top + width), fill=colour)
    body = io.BytesIO()
    picture.save(body, "PNG")
    return body.getvalue()


def run(data: Path, out: Path, cache: Path, *options: object) -> Result:
    arguments = ["models", "tune", "--data", data, "--out", out, "--cache", cache, *options]
    return CliRunner().invoke(app, list(map(str, arguments)))


def tuned(data: Path, out: Path, cache: Path) -> dict[str, Any]:
    result = run(data, out, cache, "--output", "json")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_folder_for_each_category_teaches_the_category(drawn: Path, cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"

    found = tuned(drawn, out, cache)
    predicted = CliRunner().invoke(app, ["models", "predict", str(drawn), "--bundle", str(out)])

    gain = found["gains"]["category"]
    assert (gain["photos"], gain["classes"], gain["is_kept"]) == (2 * PHOTOS, 2, True)
    assert gain["before"]["accuracy"] < 0.6
    assert gain["after"]["ci95"][0] > 0.75
    assert load_bundle(out).manifest.bundle == 1001
    rows = list(csv.DictReader(io.StringIO(predicted.stdout)))
    right = [row["sku"].split("/")[0].casefold() for row in rows]
    assert len(rows) == 2 * PHOTOS
    named = [row["category"].casefold() for row in rows]
    assert sum(label in category for label, category in zip(right, named, strict=True)) >= 1.5 * PHOTOS


def test_the_new_bundle_is_sound_and_the_other_heads_are_as_they_were(drawn: Path, cache: Path, tmp_path: Path) -> None:
    from triton_models.export.heads import read_image_heads
    from triton_models.export.verify import find_faults

    out = tmp_path / "bundle"
    tuned(drawn, out, cache)

    handles = [task.handle for task in load_bundle(out).manifest.tasks]
    before, after = (read_image_heads(folder, handles) for folder in (starter_folder(), out))
    assert find_faults(out) == ()
    assert not np.array_equal(before["category"].weight, after["category"].weight)
    for handle in set(handles) - {"category"}:
        np.testing.assert_array_equal(before[handle].weight, after[handle].weight)
    assert (out / "text_encoder.onnx").read_bytes() == (starter_folder() / "text_encoder.onnx").read_bytes()
    assert "five-fold cross-validation" in (out / "model_card.md").read_text()


def test_a_table_names_photos_and_words_and_what_cannot_be_used_is_named(
    drawn: Path, cache: Path, tmp_path: Path
) -> None:
    table = drawn / "products.csv"
    rows = [(f"{label}/{number}.png", label, "red") for label in SHAPES for number in range(PHOTOS)]
    for name in ("odd.png", "lone.png"):
        (drawn / name).write_bytes((drawn / "Jeans" / "0.png").read_bytes())
    rows += [
        ("gone.png", "Jeans", ""),
        ("odd.png", "Jean", ""),
        ("lone.png", "Shorts", ""),
        ("Jeans/1.png", "Jeans", ""),
    ]
    table.write_text("image,category,color\n" + "".join(",".join(row) + "\n" for row in rows))
    try:
        result = run(drawn, tmp_path / "bundle", cache, "--number", 7)
    finally:
        table.unlink()

    assert result.exit_code == 3
    assert "bundle 7 is in" in result.stdout
    assert f"category: {2 * PHOTOS:,} photos of 2 classes" in result.stdout
    assert "color: " not in result.stdout
    named = result.stderr
    assert "line 50: there is no photo gone.png" in named
    assert "line 51: category 'Jean' is no word of the ontology; close: jeans" in named
    assert "line 53: Jeans/1.png stands in an earlier line already" in named
    assert "1 photos; a class needs 20" in named


def test_what_the_head_knows_already_leaves_it_as_it_was(cache: Path, tmp_path: Path) -> None:
    data, random = tmp_path / "own", np.random.default_rng(3)
    data.mkdir()
    for colour, light in {"black": (15, 15, 15), "red": (200, 10, 20), "blue": (20, 40, 190)}.items():
        for number in range(30):
            (data / f"{colour}{number}.png").write_bytes(_drawn("ellipse", random, light))
    predicted = CliRunner().invoke(app, ["models", "predict", str(data)])
    answers = [(row["sku"], row["color"].partition(" (")[0]) for row in csv.DictReader(io.StringIO(predicted.stdout))]
    (data / "products.csv").write_text("image,color\n" + "".join(f"{name},{word}\n" for name, word in answers))

    found = tuned(data, tmp_path / "bundle", cache)

    gain = found["gains"]["color"]
    assert gain["before"]["accuracy"] > 0.9
    assert gain["is_kept"] is False
    names = ("fusion_heads.onnx", "fusion_heads_image.onnx", "image_encoder.onnx")
    assert all((tmp_path / "bundle" / name).read_bytes() == (starter_folder() / name).read_bytes() for name in names)
    assert load_bundle(tmp_path / "bundle").thresholds.tasks == load_bundle(None).thresholds.tasks


def test_answers_of_a_head_that_few_photos_taught_are_only_suggested(drawn: Path, cache: Path, tmp_path: Path) -> None:
    tuned(drawn, tmp_path / "bundle", cache)

    before, after = (load_bundle(folder).thresholds.tasks for folder in (None, tmp_path / "bundle"))
    assert [after["category"][head].accept for head in ("image", "fused")] == [NEVER, NEVER]
    assert after["category"]["text"] == before["category"]["text"]
    assert {task: heads for task, heads in after.items() if task != "category"} == {
        task: heads for task, heads in before.items() if task != "category"
    }


def test_a_bundle_that_cannot_be_finished_is_not_there(
    drawn: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from triton_models.training import tune

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tune, "reseal", fail)
    result = run(drawn, tmp_path / "place" / "bundle", cache)

    assert result.exit_code != 0
    assert not [*(tmp_path / "place").iterdir()]


def test_a_tuned_bundle_does_not_say_that_it_was_trained_as_its_source_was(
    drawn: Path, cache: Path, tmp_path: Path
) -> None:
    tuned(drawn, tmp_path / "bundle", cache)

    assert not (tmp_path / "bundle" / "run.json").exists()
    assert (starter_folder() / "run.json").exists()


@pytest.mark.parametrize(
    ("files", "options", "named"),
    [
        ({}, [], "no class of 20 photos"),
        ({"Jeans/0.png": b""}, [], "1 photos; a class needs 20"),
        ({"products.csv": b"category\nJeans\n"}, [], "no column image"),
        ({"products.csv": b"image,category\n1.png\n"}, [], "line 2: 1 columns instead of 2"),
    ],
    ids=["an empty folder", "one photo", "no photos named", "a broken table"],
)
def test_what_cannot_be_learnt_from_is_refused(
    files: dict[str, bytes], options: list[str], named: str, cache: Path, tmp_path: Path
) -> None:
    data = tmp_path / "own"
    data.mkdir()
    for name, body in files.items():
        (data / name).parent.mkdir(exist_ok=True)
        (data / name).write_bytes(body)

    result = run(data, tmp_path / "bundle", cache, *options)

    assert isinstance(result.exception, OptionInvalid)
    assert named in str(result.exception)
    assert not (tmp_path / "bundle").exists()


def test_heads_that_were_calibrated_since_are_refused(tmp_path: Path) -> None:
    from triton_models.export.heads import read_image_heads
    from triton_models.export.temper import temper_graph

    name = "fusion_heads_image.onnx"
    (tmp_path / name).write_bytes((starter_folder() / name).read_bytes())
    temper_graph(tmp_path / name, {"category": 1.5})

    with pytest.raises(Refused, match="was calibrated since"):
        read_image_heads(tmp_path, ["category"])


def test_a_bundle_of_another_make_and_a_number_that_is_taken_are_refused(
    drawn: Path, cache: Path, tmp_path: Path
) -> None:
    from tests.support.bundles import TinySpec, write_tiny_bundle

    tiny = write_tiny_bundle(tmp_path / "tiny", TinySpec())

    other_make = run(drawn, tmp_path / "a", cache, "--bundle", tiny)
    taken = run(drawn, tmp_path / "b", cache, "--number", load_bundle(None).manifest.bundle)

    assert isinstance(other_make.exception, Refused)
    assert isinstance(taken.exception, OptionInvalid)
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()
