# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from consumer.bundle import Task
from consumer.triton.canary import KnownAnswers
from consumer.triton.client import Answer
from consumer.triton.prediction import probabilities, read_prediction
from consumer.triton.tensors import Ensemble
from tests.support.bundles import answer_directly

if TYPE_CHECKING:
    from tests.unit.triton.conftest import Served


def answered(served: Served, ensemble: Ensemble) -> Answer:
    inputs = dict(KnownAnswers(served.bundle.manifest).inputs(ensemble))
    return Answer("1", answer_directly(served.folder, ensemble, inputs))


def test_the_fused_answer_carries_each_modality_as_evidence(served: Served) -> None:
    answer = answered(served, Ensemble.FUSED)
    prediction = read_prediction(served.bundle.manifest, Ensemble.FUSED, answer)

    color = prediction.opinions["color"]
    assert color.used == tuple(answer.tensors["color"][0].tolist())
    assert color.image == tuple(answer.tensors["color.image"][0].tolist())
    assert color.text == tuple(answer.tensors["color.text"][0].tolist())
    assert len(prediction.contributions) == len(prediction.view_types) == 2
    assert sum(prediction.contributions) == pytest.approx(1)
    assert len(prediction.embedding) == served.bundle.manifest.embedding_dim
    assert prediction.model_versions == {"product_tagger": "1"}


@pytest.mark.parametrize(("ensemble", "present"), [(Ensemble.IMAGE, "image"), (Ensemble.TEXT, "text")])
def test_a_single_modality_is_its_own_evidence(served: Served, ensemble: Ensemble, present: str) -> None:
    prediction = read_prediction(served.bundle.manifest, ensemble, answered(served, ensemble))

    for opinion in prediction.opinions.values():
        assert (opinion.image, opinion.text) == ((opinion.used, None) if present == "image" else (None, opinion.used))
    assert bool(prediction.contributions) == bool(prediction.view_types) == (present == "image")


def test_logits_become_probabilities_where_the_manifest_says_so() -> None:
    scores = np.array([[1000.0, 999.0, -1000.0]], dtype=np.float32)

    softmax = probabilities(Task("a", "softmax", ("x", "y", "z"), "logit"), scores)
    sigmoid = probabilities(Task("a", "sigmoid", ("x", "y", "z"), "logit"), scores / 1000)
    untouched = probabilities(Task("a", "softmax", ("x", "y", "z"), "probability"), scores)

    np.testing.assert_allclose(softmax, [[0.7310586, 0.2689414, 0.0]], atol=1e-6)
    np.testing.assert_allclose(sigmoid, [[0.7310586, 0.7308616, 0.2689414]], atol=1e-6)
    assert untouched is scores
