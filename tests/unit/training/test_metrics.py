# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from triton_models.training.metrics import accepted, coverage_at, expected_calibration_error, score, share, wilson


def test_wilson_agrees_with_published_intervals() -> None:
    assert wilson(305, 341) == pytest.approx((0.857, 0.923), abs=0.001)
    assert wilson(0, 10) == pytest.approx((0.0, 0.278), abs=0.001)
    assert wilson(0, 0) == (0.0, 1.0)


def test_scores_of_a_small_table_by_hand() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1, 0.0], [0.5, 0.3, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4]], dtype=np.float32)

    figures = score(probabilities, np.array([0, 1, 0]))

    assert figures.accuracy == pytest.approx(1 / 3)
    assert figures.top3 == pytest.approx(2 / 3)
    assert figures.macro_f1 == pytest.approx((0.5 + 0 + 0) / 3)
    assert figures.n == 3


def test_coverage_is_the_largest_precise_share() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5], dtype=np.float32)

    assert coverage_at(0.75, confidence, np.array([True, False, True, True, False])) == pytest.approx(0.8)
    assert coverage_at(0.9, confidence, np.array([False] * 5)) == 0


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    confidence = np.full(100, 0.8, dtype=np.float32)
    position = np.arange(100) % 10

    assert expected_calibration_error(confidence, position < 8) == pytest.approx(0, abs=1e-6)
    assert expected_calibration_error(confidence, position < 5) == pytest.approx(0.3, abs=1e-6)


def test_calibration_errors_of_opposite_sign_do_not_cancel_where_confidence_differs() -> None:
    confidence = np.repeat(np.array([0.5, 0.9], dtype=np.float32), 50)
    position = np.arange(100) % 10

    # Right in .9 of the unsure half and in .5 of the sure one: on the whole as often as it says.
    assert expected_calibration_error(confidence, np.where(np.arange(100) < 50, position < 9, position < 5)) == (
        pytest.approx(0.4, abs=1e-6)
    )


def test_calibration_error_of_fewer_rows_than_bins() -> None:
    assert expected_calibration_error(np.array([0.9, 0.6], dtype=np.float32), np.array([True, False])) == (
        pytest.approx((0.1 + 0.6) / 2)
    )


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        score(np.zeros((0, 3), dtype=np.float32), np.zeros(0, dtype=np.int64))


def test_accepted_precision_is_held_against_its_lower_bound() -> None:
    is_accepted = np.array([True] * 100 + [False] * 100)
    is_right = np.array([True] * 95 + [False] * 5 + [True] * 100)

    found = accepted(is_accepted, is_right)

    assert (found.precision, found.coverage, found.accepted, found.n) == (0.95, 0.5, 100, 200)
    assert found.wilson_low == pytest.approx(wilson(95, 100)[0])
    assert found.wilson_low < 0.90


def test_nothing_accepted_is_no_precision() -> None:
    found = accepted(np.zeros(3, dtype=np.bool_), np.ones(3, dtype=np.bool_))

    assert (found.precision, found.wilson_low, found.coverage) == (0, 0, 0)


def test_a_share_of_nothing_is_nothing() -> None:
    assert (share([]).accuracy, share([]).n, share([]).ci95) == (0, 0, (0, 1))
    assert share([True, False]).accuracy == 0.5
