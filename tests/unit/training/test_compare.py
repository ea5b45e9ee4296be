# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from triton_models.training.compare import exact_mcnemar, pair


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(0, 0, 1.0), (1, 1, 1.0), (0, 6, 0.03125), (5, 15, 0.04138947), (15, 5, 0.04138947), (900, 1100, 8.4e-6)],
)
def test_mcnemars_test_is_exact_however_many_pairs_there_are(only_a: int, only_b: int, p: float) -> None:
    assert exact_mcnemar(only_a, only_b) == pytest.approx(p, rel=0.02)


def test_pairs_are_counted_by_who_is_right() -> None:
    found = pair([True] * 70 + [False] * 30, [True] * 60 + [False] * 10 + [True] * 20 + [False] * 10)

    assert (found.n, found.accuracy_a, found.accuracy_b) == (100, 0.7, 0.8)
    assert (found.only_a, found.only_b) == (10, 20)
    assert found.difference == pytest.approx(0.1)
    assert found.ci95 == pytest.approx((0.1 - 0.10555, 0.1 + 0.10555), abs=1e-4)


def test_equal_answers_differ_by_nothing() -> None:
    found = pair([True, False], [True, False])

    assert (found.difference, found.ci95, found.p) == (0.0, (0.0, 0.0), 1.0)


def test_nothing_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        pair([], [])
