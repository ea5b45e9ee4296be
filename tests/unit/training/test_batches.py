# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter

import numpy as np

from triton_models.training.batches import Batches, Mixture

LARGE, SMALL = range(900), range(900, 1000)
KEYS = {row: b"odd" if row % 2 else b"even" for row in range(1000)}


def batches(**how: float) -> Batches:
    return Batches({"large": LARGE, "small": SMALL}, KEYS, Mixture(32, **how))  # type: ignore[arg-type]  # a test's shorthand


def test_an_epoch_sees_the_largest_data_set_once_and_the_others_by_the_root_of_their_size() -> None:
    drawn = batches()
    seen = Counter(row for step in range(drawn.per_epoch) for row in drawn.at(step).rows.tolist())

    assert all(seen[row] == 1 for row in LARGE)
    assert sum(seen[row] for row in SMALL) == 300
    assert {seen[row] for row in SMALL} == {3}


def test_a_step_is_the_same_whatever_came_before() -> None:
    first, second = batches(max_alike=5), batches(max_alike=5)
    for step in range(first.per_epoch):
        first.at(step)

    last = first.per_epoch + 3

    np.testing.assert_array_equal(first.at(last).rows, second.at(last).rows)
    assert first.at(last).alike == second.at(last).alike


def test_only_products_with_equal_labels_are_pooled() -> None:
    drawn = batches(max_alike=4, alike_share=0.5)
    pooled = 0
    for step in range(drawn.per_epoch):
        batch = drawn.at(step)
        for positions in batch.alike:
            members = batch.rows[positions.start : positions.stop]
            assert 2 <= len(members) <= 4
            assert len({KEYS[row] for row in members.tolist()}) == 1
            pooled += len(members)

    assert 0.5 < pooled / 1200 < 0.9


def test_nothing_is_pooled_where_one_image_is_all() -> None:
    assert not any(batches().at(step).alike for step in range(30))
