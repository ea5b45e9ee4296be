# SPDX-License-Identifier: Apache-2.0
"""`hangtag models calibrate` and `verify --data` on drawn products and a tiny bundle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from consumer.bundle import load_bundle
from consumer.enrichment.ontology import Ontology
from consumer.errors import OptionInvalid
from tests.support.bundles import write_tiny_bundle
from tests.support.datasets import write_styles
from triton_models.export.quiet_runtimes import load_onnxruntime
from triton_models.export.temper import temper_graph, tempered

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from typer.testing import Result

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("_train_extra")]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(command: str, data: Path, bundle: Path, cache: Path, *options: str) -> Result:
    from consumer.cli.models import app

    fixed = (command, "--data", str(data), "--bundle", str(bundle), "--cache", str(cache))
    return CliRunner().invoke(app, [*fixed, *options])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_temperature_in_the_graph_is_the_temperature_outside(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "heads.onnx"
    path.write_bytes((bundle / "fusion_heads_image.onnx").read_bytes())
    features = {"image_features": np.random.default_rng(1).normal(size=(5, 8)).astype(np.float32)}
    before = answers(path, features)

    temper_graph(path, {"color": 2.5, "category": 0.7, "target-gender": 1.0})
    temper_graph(path, {"color": 0.5})

    after = answers(path, features)
    np.testing.assert_allclose(after["color"], tempered(before["color"], 1.25), atol=1e-6)
    np.testing.assert_allclose(after["category"], tempered(before["category"], 0.7), atol=1e-6)
    np.testing.assert_array_equal(after["target-gender"], before["target-gender"])
    np.testing.assert_array_equal(after["embedding"], before["embedding"])


def answers(path: Path, inputs: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    names = [output.name for output in onnx.load(path).graph.output]
    session = load_onnxruntime().InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(names, inputs), strict=True))


def test_a_calibrated_bundle_is_a_sound_copy_and_the_old_one_stays(
    catalogue: Path, bundle: Path, cache: Path, tmp_path: Path
) -> None:
    from triton_models.export.verify import find_faults

    before = contents(bundle)

    result = run("calibrate", catalogue, bundle, cache, "--out", str(tmp_path / "new"), "--output", "json")

    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["products"] > 0
    assert contents(bundle) == before
    assert find_faults(tmp_path / "new") == ()
    new = load_bundle(tmp_path / "new")
    assert new.thresholds.version == printed["thresholds"]["version"] == "tiny-1.1"
    assert new.manifest.client_hash == load_bundle(bundle).manifest.client_hash
    # Random answers are hardly ever right, so nothing may be accepted.
    assert all(heads[kind].accept > 1 for heads in new.thresholds.tasks.values() for kind in heads)


def test_a_calibration_names_what_it_could_not_use_and_ends_with_3(bundle: Path, cache: Path, tmp_path: Path) -> None:
    from triton_models.training.corpus import hash_photos
    from triton_models.training.datasets import read_folder
    from triton_models.training.split import Split, split_products

    rows = [(str(n), "", "Men", ("Shirts", "Spacesuit")[n == 0], "Blue", "", f"Shirt {n}", "") for n in range(80)]
    folder = write_styles(tmp_path / "data", rows, {str(n): b"no photo %d" % n for n in range(80)})
    products = read_folder(folder).products
    splits = split_products(products, hash_photos(products))
    used = (*splits[Split.CALIBRATION], *splits[Split.VALIDATION])

    text, tree = (
        run("calibrate", folder, bundle, cache, "--out", str(tmp_path / output), "--output", output)
        for output in ("text", "json")
    )

    assert (text.exit_code, tree.exit_code) == (3, 3)
    unknown = f"{folder}/styles.csv line 2: articleType 'Spacesuit' is unknown to the crosswalk"
    faults = [unknown, *(f"{products[row].key}: its photo cannot be decoded" for row in used)]
    assert json.loads(tree.stdout)["faults"] == faults
    assert text.stderr.splitlines() == faults
    assert (tmp_path / "text" / "thresholds.json").exists()


def test_products_of_another_split_are_refused(catalogue: Path, bundle: Path, cache: Path, tmp_path: Path) -> None:
    from triton_models.training.corpus import hash_photos
    from triton_models.training.datasets import read_folder
    from triton_models.training.split import Split, split_products

    products = read_folder(catalogue).products
    splits = split_products(products, hash_photos(products))
    only = tmp_path / "only.txt"
    options = ("--out", str(tmp_path / "new"), "--only", str(only))

    for split in (Split.TRAIN, Split.VALIDATION, Split.TEST):
        only.write_text(f"{products[splits[Split.CALIBRATION][0]].key}\n{products[splits[split][0]].key}\n")
        refused = run("calibrate", catalogue, bundle, cache, *options)
        assert isinstance(refused.exception, OptionInvalid)
        assert "not of the calibration split" in str(refused.exception)
    assert not (tmp_path / "new").exists()

    only.write_text(f"{products[splits[Split.CALIBRATION][0]].key}\n")
    assert run("calibrate", catalogue, bundle, cache, *options).exit_code == 0


def test_a_list_of_products_that_is_no_utf_8_is_a_mistake_in_the_option(
    catalogue: Path, bundle: Path, cache: Path, tmp_path: Path
) -> None:
    only = tmp_path / "only.txt"
    only.write_bytes(b"fashion-product-images/\xff\n")

    result = run("calibrate", catalogue, bundle, cache, "--out", str(tmp_path / "new"), "--only", str(only))

    assert result.exit_code == 2
    assert "Invalid value for --only: cannot be read: 'utf-8'" in " ".join(result.stderr.replace("│", " ").split())


def test_products_that_the_data_does_not_have_are_a_mistake_in_the_option(
    catalogue: Path, bundle: Path, cache: Path, tmp_path: Path
) -> None:
    only = tmp_path / "only.txt"
    only.write_text("fashion-product-images/none\n")

    result = run("calibrate", catalogue, bundle, cache, "--out", str(tmp_path / "new"), "--only", str(only))

    assert isinstance(result.exception, OptionInvalid)
    assert "the data has no product fashion-product-images/none" in str(result.exception)


def test_a_folder_with_something_in_it_is_left_alone(catalogue: Path, bundle: Path, cache: Path) -> None:
    before = contents(bundle)

    result = run("calibrate", catalogue, bundle, cache, "--out", str(bundle))

    assert isinstance(result.exception, OptionInvalid)
    assert contents(bundle) == before


def test_verify_holds_the_quoted_figures_against_new_ones(catalogue: Path, cache: Path, tmp_path: Path) -> None:
    from triton_models.export.bundle import reseal
    from triton_models.training.card import measure, write_metrics
    from triton_models.training.corpus import read_corpus
    from triton_models.training.evaluate import Evaluator
    from triton_models.training.progress import Silent

    folder = write_tiny_bundle(tmp_path / "tiny")
    loaded = load_bundle(folder)
    evaluator = Evaluator(loaded, cache, Silent())
    write_metrics(
        folder / "metrics.json", measure(loaded, read_corpus([catalogue], Ontology.load("v1")), evaluator, None)
    )
    reseal(folder, graphs_changed=False)

    agrees = run("verify", catalogue, folder, cache)
    tree = json.loads((folder / "metrics.json").read_text())
    tree["evaluations"][0]["tasks"]["article"]["accuracy"] += 0.01
    (folder / "metrics.json").write_text(json.dumps(tree))
    reseal(folder, graphs_changed=False)
    differs = run("verify", catalogue, folder, cache, "--output", "json")

    assert agrees.exit_code == 0, agrees.output
    assert differs.exit_code == 1
    (fault,) = json.loads(differs.stdout)["faults"]
    assert fault.startswith("fashion-product-images, A, photos-only, article: accuracy ")
    assert len((folder / "test_openings.jsonl").read_text().splitlines()) == 2
