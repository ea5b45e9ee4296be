# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from consumer.bundle import NEVER
from consumer.enrichment.ontology import Ontology
from triton_models.export.temper import tempered
from triton_models.training.calibrate import (
    TEMPERATURES,
    Judged,
    confidence_loss,
    judge,
    lowest_safe,
    pick_thresholds,
    require_calibration_rows,
)
from triton_models.training.metrics import wilson
from triton_models.training.split import Split

SPLITS = {Split.TRAIN: (0, 1, 2), Split.VALIDATION: (3,), Split.CALIBRATION: (4, 5), Split.TEST: (6,)}


@pytest.mark.parametrize("foreign", [0, 3, 6])
def test_rows_of_another_split_are_refused(foreign: int) -> None:
    require_calibration_rows([4, 5], SPLITS)

    with pytest.raises(ValueError, match=f"not of the calibration split, for example {foreign}"):
        require_calibration_rows([4, foreign], SPLITS)


def test_a_temperature_makes_the_likeliest_answer_as_sure_as_it_is_right_wherever_the_wrong_ones_lie() -> None:
    probabilities = np.tile(np.array([0.9, 0.06, 0.03, 0.01], dtype=np.float32), (500, 1))
    right = np.array([0, 0, 0, 0, 3] * 100)

    best = min(TEMPERATURES, key=lambda temperature: confidence_loss(tempered(probabilities, temperature), right))

    assert tempered(probabilities, best).max() == pytest.approx(0.8, abs=0.02)
    assert confidence_loss(probabilities[:0], right[:0]) == float("inf")


def test_what_is_picked_on_one_split_holds_on_another_with_room_to_spare() -> None:
    random = np.random.default_rng(5)
    confidence = random.uniform(0.5, 1, 2_500).astype(np.float32)
    judged = Judged(np.arange(2_500), np.full(2_500, "2"), confidence, random.random(2_500) < confidence)

    taken = confidence >= pick_thresholds(judged).accept

    assert wilson(int(judged.is_right[taken].sum()), int(taken.sum()))[0] >= 0.91


def test_the_lower_bound_counts_not_the_face_value() -> None:
    confidence = np.linspace(1, 0.5, 400, dtype=np.float32)
    is_right = np.arange(400) % 10 != 0

    assert is_right.mean() == pytest.approx(0.9)
    assert lowest_safe(confidence, is_right, 0.90) == NEVER


def test_the_threshold_is_the_lowest_whose_bound_holds() -> None:
    random = np.random.default_rng(3)
    confidence = random.random(2_000).astype(np.float32)
    is_right = random.random(2_000) < confidence

    threshold = lowest_safe(confidence, is_right, 0.80)

    taken = confidence >= threshold
    assert wilson(int(is_right[taken].sum()), int(taken.sum()))[0] >= 0.80
    lower = confidence >= threshold - 0.05
    assert wilson(int(is_right[lower].sum()), int(lower.sum()))[0] < 0.80


def test_a_value_gets_its_own_threshold_only_with_enough_answers() -> None:
    values = np.array(["2"] * 250 + ["13"] * 50)
    judged = Judged(np.arange(300), values, np.linspace(1, 0.5, 300, dtype=np.float32), np.ones(300, dtype=np.bool_))

    assert pick_thresholds(judged).per_value.keys() == {"2"}


def test_an_answer_that_is_more_likely_wrong_is_never_accepted_however_well_a_catalogue_is_known() -> None:
    confidence = np.linspace(0.9, 0.1, 300, dtype=np.float32)
    judged = Judged(np.arange(300), np.array(["2"] * 300), confidence, np.ones(300, dtype=np.bool_))

    picked = pick_thresholds(judged)

    assert picked.accept == 0.5
    assert picked.per_value == {"2": 0.5}
    assert picked.suggest == pytest.approx(0.1)


def test_shades_are_judged_as_their_family_and_rare_labels_as_wrong() -> None:
    probabilities = np.array([[0.3, 0.3, 0.4], [0.1, 0.2, 0.7], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], dtype=np.float32)
    labels, words = ("13", "x-shade-maroon", "2"), ("x-shade-maroon", "2", "9", None)

    judged = judge(Ontology.load("v1"), "color", labels, probabilities, words)

    assert judged.positions.tolist() == [0, 1, 2]
    assert judged.values.tolist() == ["13", "2", "2"]
    assert judged.confidence == pytest.approx([0.6, 0.7, 1.0])
    assert judged.is_right.tolist() == [True, True, False]


def test_an_answer_below_a_label_that_names_an_inner_node_is_right() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)

    judged = judge(Ontology.load("v1"), "category", ("aa-1-12-4", "aa-1-4"), probabilities, ("aa-1-12", "aa-1-12"))

    assert judged.values.tolist() == ["aa-1-12-4", "aa-1-4"]
    assert judged.is_right.tolist() == [True, False]
