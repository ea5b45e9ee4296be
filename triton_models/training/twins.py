# SPDX-License-Identifier: Apache-2.0
"""What tasks lose by sharing a dense part: all at once against each alone, otherwise the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triton_models.training.compare import pair
from triton_models.training.dense_training import answers, learn_dense

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from triton_models.training.compare import Paired
    from triton_models.training.dense_training import DenseRecipe
    from triton_models.training.frozen_rows import FrozenRows
    from triton_models.training.progress import Progress

#: Accuracy that a task may lose by sharing before a bundle is refused: a point.
MAX_LOSS = 0.01


@dataclass(frozen=True, slots=True)
class Lesson:
    """What twins learn from, and what they are judged on: rows of the same tasks, each with a label in both."""

    training: FrozenRows
    judged: FrozenRows


def against_twins(
    lesson: Lesson, handles: Iterable[str], recipe: DenseRecipe, folder: Path, progress: Progress
) -> dict[str, Paired]:
    """By task of `handles`, its twin alone (A) and all tasks together (B) on the labelled products, one by one.

    Both learn by one recipe: the same steps, seed, rows and order. What `folder` holds already is not learnt again.
    """
    training, judged = lesson.training, lesson.judged
    together = answers(learn_dense(training, recipe, folder, progress.of("all tasks")), judged)
    found = {}
    for handle in handles:
        alone = learn_dense(training.of_tasks([handle]), recipe, folder, progress.of(f"{handle} alone"))
        twin = answers(alone, judged.of_tasks([handle]))[handle]
        found[handle] = pair(twin.is_right.tolist(), together[handle].is_right.tolist())
    return found
