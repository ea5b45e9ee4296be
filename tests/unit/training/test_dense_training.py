# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from math import log
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from triton_models.training.dense_training import (
    DenseHeads,
    DenseRecipe,
    Weighing,
    answers,
    column_weights,
    learn_dense,
)
from triton_models.training.frozen_rows import FrozenRows
from triton_models.training.progress import Silent
from triton_models.training.recipe import ImageRecipe
from triton_models.training.twins import Lesson, against_twins

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = ImageRecipe(stages=(), hidden=16, dim=8, dropout=0.1, batch=32)
RECIPE = DenseRecipe(IMAGE, epochs=12, rate=1e-2)
QUIET = Silent().of("")


def made_up(count: int = 96, seed: int = 1) -> FrozenRows:
    """The side of the first feature is `sign`, the larger of the next three is `largest`; some labels are missing."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 6)).astype(np.float16)
    sign = np.eye(2, dtype=np.bool_)[(features[:, 0] > 0).astype(int)]
    largest = np.eye(3, dtype=np.bool_)[features[:, 1:4].argmax(1)]
    largest[::5] = False
    return FrozenRows(
        features, ("catalogue",) * count, tuple(map(str, range(count))), {"sign": sign, "largest": largest}
    )


def test_what_can_be_learnt_is_learnt_of_all_tasks_together(tmp_path: Path) -> None:
    judged = made_up(200, seed=2)
    found = answers(learn_dense(made_up(400), RECIPE, tmp_path, QUIET), judged)

    assert {task: len(answered.is_right) for task, answered in found.items()} == {"sign": 200, "largest": 160}
    assert min(answered.is_right.mean() for answered in found.values()) > 0.8
    assert min(answered.macro_f1 for answered in found.values()) > 0.8


def test_a_finished_run_is_read_and_another_recipe_is_another_run(tmp_path: Path) -> None:
    rows, quick = made_up(), replace(RECIPE, epochs=1)
    first, again = (learn_dense(rows, quick, tmp_path, QUIET) for _ in range(2))
    assert len(list(tmp_path.glob("*.pt"))) == 1
    learn_dense(rows, replace(quick, image=replace(IMAGE, dropout=0.3)), tmp_path, QUIET)
    learn_dense(rows.of_tasks(["sign"]), quick, tmp_path, QUIET)

    assert len(list(tmp_path.glob("*.pt"))) == 3
    for name, weights in first.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], weights, rtol=0, atol=0)


def test_a_twin_starts_with_the_same_dense_part() -> None:
    both = []
    for sizes in ({"sign": 2, "largest": 3}, {"largest": 3}):
        torch.manual_seed(RECIPE.seed)
        both.append(DenseHeads(6, IMAGE, sizes).dense.state_dict())

    together, alone = both
    for name, weights in together.items():
        torch.testing.assert_close(alone[name], weights, rtol=0, atol=0)


def test_twins_are_held_against_all_tasks_on_the_same_labelled_products(tmp_path: Path) -> None:
    training, judged = made_up(), made_up(50, seed=3)
    found = against_twins(Lesson(training, judged), training.targets, replace(RECIPE, epochs=2), tmp_path, Silent())

    assert {task: paired.n for task, paired in found.items()} == {"sign": 50, "largest": 40}
    together = answers(learn_dense(training, replace(RECIPE, epochs=2), tmp_path, QUIET), judged)
    for task, paired in found.items():
        assert paired.accuracy_b == pytest.approx(together[task].is_right.mean())


def test_a_task_alone_is_its_own_twin(tmp_path: Path) -> None:
    lesson = Lesson(*(made_up(seed=seed).of_tasks(["sign"]) for seed in (1, 2)))

    found = against_twins(lesson, ["sign"], replace(RECIPE, epochs=2), tmp_path, Silent())

    assert (found["sign"].only_a, found["sign"].only_b) == (0, 0)


def test_weights_by_count_favour_rare_answers_and_leave_the_mean_row_at_one() -> None:
    right = np.eye(3, dtype=np.bool_)[[0] * 16 + [1] * 4]
    right[-1] = [True, True, False]

    weighed = column_weights({"task": right}, Weighing.BY_COUNT)

    assert weighed is not None
    common, rare, never = weighed[0].tolist()
    assert rare / common == pytest.approx((16 / 3) ** 0.5)
    assert (16 * common + 3 * rare) / 19 == pytest.approx(1)
    assert np.isfinite(never)


def test_tasks_may_count_by_how_many_answers_they_have() -> None:
    right = {"two": np.eye(2, dtype=np.bool_), "three": np.eye(3, dtype=np.bool_)}

    weighed = column_weights(right, Weighing.BY_ANSWERS)

    assert weighed is not None
    for found, answers_count in zip(weighed, (2, 3), strict=True):
        assert found.tolist() == pytest.approx([1 / log(answers_count)] * answers_count)
    assert column_weights(right, Weighing.AS_TRAINED) is None


def test_a_product_with_several_right_answers_counts_for_accuracy_and_not_for_f1() -> None:
    rows = FrozenRows(
        np.zeros((3, 6), np.float16),
        ("catalogue",) * 3,
        ("a", "b", "c"),
        {"task": np.array([[True, True], [False, True], [False, False]])},
    )
    torch.manual_seed(1)

    found = answers(DenseHeads(6, IMAGE, {"task": 2}), rows)["task"]

    assert len(found.is_right) == 2
    assert found.is_right[0]
    assert found.macro_f1 == float(found.is_right[1])
