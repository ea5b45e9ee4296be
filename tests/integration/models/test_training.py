# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from consumer.bundle import load_bundle
from consumer.errors import OptionInvalid, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from triton_models.training.recipe import Recipe, Sources

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(300)]

SIDE = 64


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def bundle_folder(
    tmp_path_factory: pytest.TempPathFactory, drawn_sources: Sources, drawn_recipe: Recipe, cache: Path
) -> Path:
    from triton_models.training.progress import Silent
    from triton_models.training.train import Trainer

    out = tmp_path_factory.mktemp("bundles") / "drawn"
    Trainer(drawn_sources, drawn_recipe, cache, Silent()).run(out)
    return out


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


def test_a_run_ends_with_its_figures_and_a_card_in_a_bundle_that_is_sealed_again(
    bundle_folder: Path, drawn_sources: Sources, cache: Path, tmp_path: Path
) -> None:
    from triton_models.export.verify import find_faults
    from triton_models.training.measure import measure_bundle
    from triton_models.training.progress import Silent

    folder = tmp_path / "measured"
    shutil.copytree(bundle_folder, folder)

    measure_bundle(folder, drawn_sources, cache, Silent(), "2026-11-01T10:00:00Z")

    assert find_faults(folder) == ()
    assert json.loads((folder / "metrics.json").read_text()) != json.loads((bundle_folder / "metrics.json").read_text())
    assert "2026-11-01" in (folder / "model_card.md").read_text()


def test_the_run_says_what_it_was_made_from(bundle_folder: Path, drawn_sources: Sources, drawn_recipe: Recipe) -> None:
    from consumer.bundle import sha256_of

    run = json.loads((bundle_folder / "run.json").read_text())

    assert run["weights"]["image"] == sha256_of(drawn_sources.image_weights)
    assert run["recipe"]["image"]["stages"][0]["epochs"] == drawn_recipe.image.stages[0].epochs
    assert run["seconds"].keys() == {"image", "text"}
    assert str(bundle_folder.parent) not in json.dumps(run)


def test_a_blank_title_is_answered_exactly_as_the_photo_alone(
    bundle_folder: Path, drawn_sources: Sources, cache: Path
) -> None:
    from triton_models.training.datasets import read_folder
    from triton_models.training.evaluate import Evaluator, Inputs
    from triton_models.training.progress import Silent

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
    tree["canary"]["expected"]["f32"]["product_tagger_image"]["color"] = [0.5, 0.5]
    tree["canary"]["expected"]["f32"]["product_tagger_text"]["embedding"].reverse()
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
