# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from triton_models.training.calibrate import CalibrationSet
from triton_models.training.fuse import best_weight, weighted
from triton_models.training.heads import LinearHead

RANDOM = np.random.default_rng(3)
CLASSES, PRODUCTS = 4, 400


def head(dim: int) -> LinearHead:
    weight = RANDOM.normal(size=(CLASSES, dim)).astype(np.float32)
    return LinearHead(weight, RANDOM.normal(size=CLASSES).astype(np.float32), temperature=1.5)


IMAGE, TEXT = head(6), head(5)
FEATURES = RANDOM.normal(size=(PRODUCTS, 11)).astype(np.float32)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_fused_head_is_the_weighted_mean_of_log_probabilities(weight: float) -> None:
    image, text = IMAGE.probabilities(FEATURES[:, :6]), TEXT.probabilities(FEATURES[:, 6:])
    mean = np.exp(weight * np.log(image) + (1 - weight) * np.log(text))

    fused = weighted(IMAGE, TEXT, weight).probabilities(FEATURES)

    np.testing.assert_allclose(fused, mean / mean.sum(1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize(("told_by", "least", "most"), [("image", 0.6, 1.0), ("text", 0.0, 0.4)])
def test_the_side_that_knows_more_counts_more(told_by: str, least: float, most: float) -> None:
    knowing, inputs = (IMAGE, FEATURES[:, :6]) if told_by == "image" else (TEXT, FEATURES[:, 6:])
    truth = replace(knowing, temperature=0.3).logits(inputs).argmax(1)
    rows = CalibrationSet(FEATURES, np.eye(CLASSES, dtype=np.bool_)[truth])

    assert least <= best_weight(IMAGE, TEXT, [rows]) <= most


def test_a_side_that_learnt_nothing_does_not_count() -> None:
    silent = LinearHead(np.zeros((CLASSES, 5), np.float32), np.zeros(CLASSES, np.float32))
    rows = CalibrationSet(FEATURES, np.zeros((PRODUCTS, CLASSES), np.bool_))

    assert best_weight(IMAGE, silent, [rows]) == 1
