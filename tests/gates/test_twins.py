# SPDX-License-Identifier: Apache-2.0
"""Learning all tasks at once costs none of them more than a point, on features of a trunk that does not learn.

What is judged is the recipe's loss and dense part, not the shipped weights: those would need a run for each task.
What is decoded and learnt is kept in the user's cache: the first run takes a quarter of an hour, the next seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.cli.models_place import models_cache

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    *(pytest.mark.data, pytest.mark.train, pytest.mark.slow, pytest.mark.full),
    pytest.mark.timeout(3600),
]

#: Of the training families.
SHARE = 0.5
#: With fewer labelled products than this, a point is less than chance alone makes.
ENOUGH = 1_500
BATCH = 256


@pytest.mark.gate(2)
@pytest.mark.usefixtures("_train_extra")
def test_no_task_is_more_than_a_point_behind_a_network_that_learns_it_alone(data_folder: Path) -> None:
    from dataclasses import replace

    from triton_models.training.dense_training import DenseRecipe
    from triton_models.training.progress import Silent
    from triton_models.training.recipe import default_sources, load_recipe
    from triton_models.training.twins import MAX_LOSS, Lesson, against_twins, read_lesson

    recipe = load_recipe()
    sources = default_sources([data_folder / name for name in ("fashion-product-images", "clothing-dataset")])
    whole = read_lesson(sources, recipe, models_cache(), Silent())
    lesson = Lesson(whole.training.share(SHARE), whole.judged)
    dense = DenseRecipe(replace(recipe.image, batch=BATCH))

    found = against_twins(lesson, lesson.training.targets, dense, models_cache() / "frozen" / "runs", Silent())

    for task, paired in found.items():
        accuracies = f"alone {paired.accuracy_a:.4f}, all at once {paired.accuracy_b:.4f}"
        print(f"{task}: {accuracies}, {paired.ci95[0]:+.4f} to {paired.ci95[1]:+.4f} (validation, n = {paired.n})")
    judged = {task: paired.difference for task, paired in found.items() if paired.n >= ENOUGH}
    assert judged.keys() >= {"category", "target-gender", "color", "x-season", "x-usage"}
    assert {task: difference for task, difference in judged.items() if difference < -MAX_LOSS} == {}
