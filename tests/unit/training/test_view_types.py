# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from consumer.attributes import ViewType
from triton_models.training.view_rules import VIEW_TYPES, ViewKind
from triton_models.training.view_types import MIN_EXAMPLES, answer_views, fit_view_head, judge_views

WHITE, MODEL, DETAIL, UNKNOWN = VIEW_TYPES


@pytest.fixture(scope="module")
def lesson() -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], list[ViewKind]]:
    """Four clouds, one of them ten times as large as the others, and columns that say nothing."""
    random = np.random.default_rng(3)
    kinds = [WHITE] * 600 + [MODEL] * 60 + [DETAIL] * 60 + [UNKNOWN] * 60
    vectors = random.normal(size=(len(kinds), 12)).astype(np.float32)
    for row, kind in enumerate(kinds):
        vectors[row, VIEW_TYPES.index(kind)] += 3
    return vectors, kinds


def test_the_columns_are_words_of_the_event() -> None:
    assert [ViewType(kind.upper()) for kind in VIEW_TYPES] == [
        ViewType.WHITE_BACKGROUND,
        ViewType.ON_MODEL,
        ViewType.DETAIL,
        ViewType.UNKNOWN,
    ]


def test_kinds_are_told_apart_and_a_rare_one_counts_as_much(
    lesson: tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], list[ViewKind]],
) -> None:
    vectors, kinds = lesson
    head = fit_view_head(vectors, kinds)

    assert head is not None
    np.testing.assert_allclose(head.probabilities(vectors).sum(1), 1, atol=1e-5)
    figures = judge_views(answer_views(head, vectors), kinds)
    assert all(figures["kinds"][kind]["recall"]["accuracy"] > 0.85 for kind in VIEW_TYPES)


def test_the_fit_has_no_chance_in_it(
    lesson: tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], list[ViewKind]],
) -> None:
    first, again = (fit_view_head(*lesson) for _ in range(2))

    assert first is not None
    assert again is not None
    np.testing.assert_array_equal(first.weight, again.weight)


def test_without_enough_examples_of_a_kind_there_is_no_head() -> None:
    kinds = [kind for kind in VIEW_TYPES for _ in range(MIN_EXAMPLES)]
    vectors = np.zeros((len(kinds), 2), np.float32)

    assert fit_view_head(vectors, kinds) is not None
    assert fit_view_head(vectors[1:], kinds[1:]) is None
    assert fit_view_head(np.zeros((0, 2), np.float32), []) is None


def test_figures_are_shares_with_their_n_and_interval() -> None:
    figures = judge_views([WHITE, WHITE, MODEL, UNKNOWN], [WHITE, MODEL, MODEL, DETAIL])

    assert figures["accuracy"]["accuracy"] == 0.5
    assert figures["accuracy"]["n"] == 4
    assert figures["kinds"]["white_background"]["precision"]["accuracy"] == 0.5
    assert figures["kinds"]["white_background"]["recall"] == {
        "accuracy": 1.0,
        "n": 1,
        "ci95": pytest.approx((0.21, 1), abs=0.01),
    }
    assert figures["kinds"]["detail"]["precision"]["n"] == 0
