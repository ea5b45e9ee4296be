# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from triton_models.training.frozen_rows import FrozenRows
from triton_models.training.neighbours import agreement, plane

VECTORS = np.array([[1, 0], [3, 0.1], [0.1, 1], [0, 5], [1, 0.05]], np.float32)
LABELS = np.eye(2, dtype=np.bool_)[[0, 0, 1, 1, 1]]


def rows(families: tuple[str, ...] = ("a", "b", "c", "d", "e"), right: np.ndarray = LABELS) -> FrozenRows:  # type: ignore[type-arg]  # of bool
    return FrozenRows(VECTORS.astype(np.float16), ("catalogue",) * 5, families, {"task": right})


def test_the_nearest_by_direction_is_asked_for_its_label() -> None:
    found = agreement(VECTORS, rows())["task"]

    assert found.n == 5
    assert found.accuracy == pytest.approx(3 / 5)


def test_a_product_of_the_same_family_is_no_neighbour() -> None:
    found = agreement(VECTORS, rows(("a", "b", "c", "d", "b")))["task"]

    assert found.n == 5
    assert found.accuracy == pytest.approx(4 / 5)


def test_products_without_one_label_are_neither_asked_nor_asked_about() -> None:
    right = LABELS.copy()
    right[4] = False

    found = agreement(VECTORS, rows(right=right))["task"]

    assert (found.n, found.accuracy) == (4, 1.0)


def test_the_plane_shows_the_directions_of_the_largest_differences() -> None:
    random = np.random.default_rng(1)
    long, short, flat = random.normal(size=(3, 200))
    vectors = np.stack([0.01 * flat, 3 * long, short], 1).astype(np.float32)

    across, down = plane(vectors).T

    assert abs(np.corrcoef(across, long)[0, 1]) > 0.99
    assert abs(np.corrcoef(down, short)[0, 1]) > 0.99
    assert (abs(across).max(), abs(down).max()) == pytest.approx((1, 1))
