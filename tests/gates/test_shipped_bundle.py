# SPDX-License-Identifier: Apache-2.0
"""The shipped bundle's own files on real products of the validation split: the test split stays closed for this."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from consumer.bundle import load_bundle
from consumer.cli.models import app
from consumer.enrichment.ontology import Ontology

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from triton_models.training.datasets import LabelledProduct
    from triton_models.training.evaluate import Evaluator
    from triton_models.training.shown import Inputs

pytestmark = [
    *(pytest.mark.data, pytest.mark.train, pytest.mark.slow, pytest.mark.full),
    pytest.mark.timeout(1800),
]

ROUNDING = 1e-4
BY_CHANCE = 0.05


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory: pytest.TempPathFactory, _train_extra: None) -> Evaluator:
    from triton_models.training.evaluate import Evaluator
    from triton_models.training.progress import Silent

    return Evaluator(load_bundle(), tmp_path_factory.mktemp("features"), Silent())


@pytest.fixture(scope="module")
def products(data_folder: Path, _train_extra: None) -> list[LabelledProduct]:
    """Of the catalogue's validation split, those with photo and title."""
    from triton_models.training.datasets import read_folder
    from triton_models.training.examine import select
    from triton_models.training.split import Split

    asked, _ = select(read_folder(data_folder / "fashion-product-images").products, Split.VALIDATION)
    return [product for product in asked if product.photo and product.title]


def rights(evaluator: Evaluator, products: Sequence[LabelledProduct], inputs: Inputs) -> dict[str, dict[int, bool]]:
    """By task of our own space and position, whether the product is answered right."""
    from triton_models.training.scoring import answered, scored_positions
    from triton_models.training.spaces import load_space

    manifest = load_bundle().manifest
    space = load_space("ours", products[0].dataset, Ontology.load(manifest.ontology))
    labels = {task.handle: task.labels for task in manifest.tasks}
    answers = evaluator.answer(products, inputs)
    found = {}
    for question in space.questions:
        positions = scored_positions(space, question, products, answers)
        probabilities, truth = answered(question, labels, products, answers, positions)
        is_right = (probabilities.argmax(1) == truth).tolist()
        found[question.task] = dict(zip((answers.rows[position] for position in positions), is_right, strict=True))
    return found


def losses(name: str, than: Mapping[str, Mapping[int, bool]], found: Mapping[str, Mapping[int, bool]]) -> list[str]:
    """The tasks that are answered worse by more than chance, of the products that both answer; all are printed."""
    from triton_models.training.compare import pair

    worse = []
    for task in found:
        rows = [*than[task].keys() & found[task].keys()]
        paired = pair([than[task][row] for row in rows], [found[task][row] for row in rows])
        told = (
            f"{name}, {task}: {paired.accuracy_a:.4f} -> {paired.accuracy_b:.4f} (n = {paired.n}, p = {paired.p:.3f})"
        )
        print(told)
        if paired.difference < 0 and paired.p < BY_CHANCE:
            worse.append(told)
    return worse


@pytest.mark.gate(3)
@pytest.mark.parametrize("alone", ["photos-only", "titles-only"])
def test_photo_and_title_together_are_no_worse_than_either(
    alone: str, evaluator: Evaluator, products: list[LabelledProduct]
) -> None:
    from triton_models.training.shown import Inputs

    one, both = (rights(evaluator, products, inputs) for inputs in (Inputs(alone), Inputs.ALL))

    assert losses(f"{alone} -> both", one, both) == []


@pytest.mark.gate(3)
def test_a_blank_title_is_the_photo_alone_and_a_lost_photo_the_title_alone(
    evaluator: Evaluator, products: list[LabelledProduct]
) -> None:
    from dataclasses import replace

    from triton_models.training.shown import Inputs

    some = products[:200]
    blank, photo = (evaluator.answer(some, inputs) for inputs in (Inputs.BLANK_TITLES, Inputs.PHOTOS_ONLY))
    lost = evaluator.answer([replace(product, photos=()) for product in some], Inputs.ALL)
    title = evaluator.answer(some, Inputs.TITLES_ONLY)

    for handle, probabilities in photo.probabilities.items():
        np.testing.assert_array_equal(blank.probabilities[handle], probabilities)
        np.testing.assert_array_equal(lost.probabilities[handle], title.probabilities[handle])


@pytest.mark.gate(4)
def test_several_pictures_are_no_worse_than_one(evaluator: Evaluator, products: list[LabelledProduct]) -> None:
    from triton_models.training.shown import Inputs

    one, several = (rights(evaluator, products, inputs) for inputs in (Inputs.PHOTOS_ONLY, Inputs.SEVERAL_PHOTOS))

    assert losses("one picture -> three made of it", one, several) == []


@pytest.mark.gate(12)
def test_a_real_product_is_answered_alike_alone_and_among_others(
    evaluator: Evaluator, products: list[LabelledProduct]
) -> None:
    from triton_models.training.shown import Inputs

    some = products[:8]
    together = evaluator.answer(some, Inputs.ALL)
    for row, product in enumerate(some):
        alone = evaluator.answer([product], Inputs.ALL)
        for handle, probabilities in alone.probabilities.items():
            np.testing.assert_allclose(probabilities[0], together.probabilities[handle][row], atol=ROUNDING)


@pytest.mark.gate(12)
def test_the_quoted_figures_are_those_of_the_shipped_files(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))  # what is known already is no look at the test split
    data = [f"--data={data_folder / name}" for name in ("fashion-product-images", "clothing-dataset")]

    result = CliRunner().invoke(app, ["verify", *data, f"--cache={tmp_path}"])

    assert result.exit_code == 0, result.output
