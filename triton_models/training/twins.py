# SPDX-License-Identifier: Apache-2.0
"""What tasks lose by sharing a dense part: all at once against each alone, otherwise the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triton_models.training.compare import pair
from triton_models.training.dense_training import answers, learn_dense

if TYPE_CHECKING:
    from pathlib import Path

    from triton_models.training.compare import Paired
    from triton_models.training.dense_training import DenseRecipe
    from triton_models.training.frozen_rows import FrozenRows
    from triton_models.training.progress import Progress

#: Accuracy that a task may lose by sharing before a bundle is refused: a point.
MAX_LOSS = 0.01


def against_twins(
    training: FrozenRows, judged: FrozenRows, recipe: DenseRecipe, folder: Path, progress: Progress
) -> dict[str, Paired]:
    """By task, its twin alone (A) and all tasks together (B) on the labelled rows of `judged`, product by product.

    Both learn from `training` by one recipe: the same steps, seed, rows and order. Both hold the same tasks, each
    with a label in `judged`. What `folder` holds of it already is not learnt again.
    """
    together = answers(learn_dense(training, recipe, folder, progress.of("all tasks")), judged)
    found = {}
    for handle in training.targets:
        alone = learn_dense(training.of_tasks([handle]), recipe, folder, progress.of(f"{handle} alone"))
        twin = answers(alone, judged.of_tasks([handle]))[handle]
        found[handle] = pair(twin.is_right.tolist(), together[handle].is_right.tolist())
    return found
