# SPDX-License-Identifier: Apache-2.0
"""The shipped bundle, asked about drawn photos with parts hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from consumer.bundle import load_bundle
from consumer.enrichment.ontology import Ontology
from triton_models.training.datasets import read_folder
from triton_models.training.evaluate import Evaluator
from triton_models.training.progress import Silent
from triton_models.training.shortcuts import Hidden, against_whole, ask
from triton_models.training.shown import Inputs
from triton_models.training.spaces import load_space

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("_train_extra")]

QUIET = Silent().of("")


def test_photos_with_nothing_hidden_are_answered_as_they_are_evaluated(catalogue: Path, tmp_path: Path) -> None:
    bundle = load_bundle()
    products = read_folder(catalogue).products[:12]

    found = ask(bundle, products, Hidden.NOTHING, QUIET)

    evaluated = Evaluator(bundle, tmp_path, Silent()).answer(products, Inputs.PHOTOS_ONLY)
    assert (found.rows, found.heads) == (evaluated.rows, evaluated.heads)
    for handle, shares in evaluated.probabilities.items():
        np.testing.assert_allclose(found.probabilities[handle], shares, atol=0.01)


def test_the_middle_changes_answers_and_both_are_held_against_each_other(catalogue: Path) -> None:
    bundle = load_bundle()
    folder = read_folder(catalogue)
    products = folder.products[:12]
    space = load_space("A", folder.dataset, Ontology.load(bundle.manifest.ontology))

    whole, hidden = (ask(bundle, products, part, QUIET) for part in (Hidden.NOTHING, Hidden.MIDDLE))
    found = against_whole(bundle, space, products, whole, hidden)

    assert any((whole.probabilities[handle] != hidden.probabilities[handle]).any() for handle in whole.probabilities)
    assert found["colour"].n == sum(product.photo is not None for product in products)
    assert {paired.difference for paired in against_whole(bundle, space, products, whole, whole).values()} == {0.0}
