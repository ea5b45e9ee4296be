# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from consumer.bundle import load_bundle
from consumer.errors import OptionInvalid, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from triton_models.training.recipe import Recipe, Sources

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(600)]

SIDE = 64


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that wrote a bundle."""

    out: Path
    result: Result


def invoke(command: str, out: Path, sources: Sources, recipe: Path, cache: Path) -> Ended:
    from consumer.cli.models import app

    options = {"data": sources.data[0], "recipe": recipe, "text-model": sources.text_model, "cache": cache, "out": out}
    return Ended(out, CliRunner().invoke(app, [command, *(f"--{name}={value}" for name, value in options.items())]))


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, drawn_sources: Sources, drawn_recipe_file: Path, cache: Path
) -> Ended:
    return invoke("train", tmp_path_factory.mktemp("bundles") / "drawn", drawn_sources, drawn_recipe_file, cache)


@pytest.fixture(scope="module")
def exported(trained: Ended, drawn_sources: Sources, drawn_recipe_file: Path, cache: Path) -> Ended:
    return invoke("export", trained.out.with_name("exported"), drawn_sources, drawn_recipe_file, cache)


@pytest.fixture(scope="module")
def bundle_folder(trained: Ended) -> Path:
    return trained.out


def test_a_run_names_what_it_could_not_use_and_ends_with_3(trained: Ended, drawn_sources: Sources) -> None:
    data = drawn_sources.data[0]

    assert trained.result.exit_code == 3, trained.result.output
    kind = f"{data}/styles.csv line 202: articleType 'Spacesuit'"
    assert trained.result.stderr.splitlines() == [
        f"{kind} stands in this row only",
        f"{kind} is unknown to the crosswalk",
        f"{data}/images_60x80.zip: 201.jpg cannot be decoded",
    ]
    assert f"the bundle is in {trained.out}" in trained.result.stdout


@pytest.mark.full  # the graphs are exported in training too; once more costs half a minute
def test_an_export_names_the_same_and_is_the_bundle_without_its_figures(trained: Ended, exported: Ended) -> None:
    from triton_models.export.verify import find_faults

    assert exported.result.exit_code == 3, exported.result.output
    assert exported.result.stderr.splitlines() == trained.result.stderr.splitlines()[1:]
    assert find_faults(exported.out) == ()
    assert (exported.out / "metrics.json").read_text() == "{}\n"
    for name in ("image_encoder.onnx", "fusion_heads.onnx", "thresholds.json"):
        assert (exported.out / name).read_bytes() == (trained.out / name).read_bytes()


def test_training_leaves_a_sound_bundle(bundle_folder: Path) -> None:
    from triton_models.export.verify import find_faults

    assert find_faults(bundle_folder) == ()
    manifest = load_bundle(bundle_folder).manifest
    assert (manifest.bundle, manifest.side, manifest.embedding_dim) == (4, SIDE, 16)
    assert {task.handle: task.labels for task in manifest.tasks} == {
        "category": ("aa-1-4", "aa-1-13-8"),
        "target-gender": ("18", "19"),
        "color": ("2", "13"),
    }


def test_what_the_pictures_and_titles_show_is_learnt(bundle_folder: Path) -> None:
    validation = json.loads((bundle_folder / "run.json").read_text())["validation"]

    assert validation["color"]["image"] >= 0.8
    assert validation["category"]["text"] >= 0.9
    assert validation["target-gender"]["fused"] >= 0.9


def test_a_run_ends_with_its_figures_and_a_card(bundle_folder: Path) -> None:
    evaluations = json.loads((bundle_folder / "metrics.json").read_text())["evaluations"]

    assert {evaluation["dataset"] for evaluation in evaluations} == {"fashion-product-images"}
    assert all(evaluation["products"] > 0 for evaluation in evaluations)
    looks = [json.loads(line) for line in (bundle_folder / "test_openings.jsonl").read_text().splitlines()]
    assert len(looks) == 1
    card = (bundle_folder / "model_card.md").read_text()
    assert looks[0]["at"][:10] in card
    assert "| task | photo only | photo and title | blank title | label words deleted | brand or number alone |" in card


def test_the_run_says_what_it_was_made_from(bundle_folder: Path, drawn_sources: Sources, drawn_recipe: Recipe) -> None:
    from consumer.bundle import sha256_of

    run = json.loads((bundle_folder / "run.json").read_text())

    assert run["weights"]["image"] == sha256_of(drawn_sources.mobilenet_v2)
    assert run["recipe"]["image"]["stages"][0]["epochs"] == drawn_recipe.image.stages[0].epochs
    assert run["cost"].keys() == {"image", "text"}
    assert all(spent["seconds"] > 0 and spent["core_hours"] > 0 for spent in run["cost"].values())
    assert str(bundle_folder.parent) not in json.dumps(run)


@pytest.mark.gate(3)
def test_a_blank_title_is_answered_exactly_as_the_photo_alone(
    bundle_folder: Path, drawn_sources: Sources, cache: Path
) -> None:
    from triton_models.training.datasets import read_folder
    from triton_models.training.evaluate import Evaluator
    from triton_models.training.progress import Silent
    from triton_models.training.shown import Inputs

    products = read_folder(drawn_sources.data[0]).products[:30]
    evaluator = Evaluator(load_bundle(bundle_folder), cache, Silent())

    blank, photo = (evaluator.answer(products, inputs) for inputs in (Inputs.BLANK_TITLES, Inputs.PHOTOS_ONLY))

    assert blank.rows == photo.rows
    for handle, probabilities in photo.probabilities.items():
        np.testing.assert_array_equal(blank.probabilities[handle], probabilities)


def test_a_changed_byte_is_found(bundle_folder: Path, tmp_path: Path) -> None:
    from triton_models.export.verify import find_faults

    folder = shutil.copytree(bundle_folder, tmp_path / "copy")
    graph = bytearray((folder / "fusion_heads.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (folder / "fusion_heads.onnx").write_bytes(graph)
    (folder / "thresholds.json").write_text("{}")
    (folder / "model_card.md").unlink()

    assert find_faults(folder) == (
        "fusion_heads.onnx: its SHA-256 is not that of the manifest",
        "model_card.md: missing",
        "thresholds.json: its SHA-256 is not that of the manifest",
    )


def test_graphs_that_answer_otherwise_are_found(bundle_folder: Path, tmp_path: Path) -> None:
    from triton_models.export.verify import find_faults

    folder = shutil.copytree(bundle_folder, tmp_path / "copy")
    path = folder / "manifest.json"
    tree = json.loads(path.read_text())
    expected = tree["canary"]["expected"]["f32"]
    expected["product_tagger_image"]["color"] = [share + 0.3 for share in expected["product_tagger_image"]["color"]]
    expected["product_tagger_text"]["embedding"].reverse()
    path.write_text(json.dumps(tree))

    faults = " ".join(find_faults(folder))

    assert "product_tagger_image: color differs" in faults
    assert "product_tagger_text: embedding has cosine" in faults


def test_a_folder_that_is_not_empty_is_left_alone(
    bundle_folder: Path, drawn_sources: Sources, drawn_recipe: Recipe, cache: Path
) -> None:
    from triton_models.training.progress import Silent
    from triton_models.training.train import Trainer

    before = sorted(path.stat().st_mtime_ns for path in bundle_folder.iterdir())

    with pytest.raises(OptionInvalid, match="not empty"):
        Trainer(drawn_sources, drawn_recipe, cache, Silent()).run(bundle_folder)
    assert sorted(path.stat().st_mtime_ns for path in bundle_folder.iterdir()) == before


def test_what_has_not_finished_is_not_exported(drawn_sources: Sources, drawn_recipe: Recipe, tmp_path: Path) -> None:
    from triton_models.training.progress import Silent
    from triton_models.training.train import Trainer

    with pytest.raises(Refused, match="no finished run"):
        Trainer(drawn_sources, drawn_recipe, tmp_path / "cache", Silent()).export(tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())
