# SPDX-License-Identifier: Apache-2.0
"""What tasks lose by sharing a dense part: all at once against each alone, otherwise the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.enrichment.ontology import Ontology
from triton_models.training.compare import pair
from triton_models.training.corpus import read_corpus
from triton_models.training.dense_training import answers, learn_dense
from triton_models.training.frozen_rows import RowReader, learnable
from triton_models.training.split import Split
from triton_models.training.train import ONTOLOGY
from triton_models.training.trunk_features import FrozenTrunk, TrunkFeatures
from triton_models.training.views import ViewCache

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from triton_models.training.compare import Paired
    from triton_models.training.dense_training import DenseRecipe
    from triton_models.training.frozen_rows import FrozenRows
    from triton_models.training.progress import Progress
    from triton_models.training.recipe import Recipe, Sources

#: Accuracy that a task may lose by sharing before a bundle is refused: a point.
MAX_LOSS = 0.01


@dataclass(frozen=True, slots=True)
class Lesson:
    """What twins learn from, and what they are judged on: rows of the same tasks, each with a label in both."""

    training: FrozenRows
    judged: FrozenRows


def read_lesson(sources: Sources, recipe: Recipe, cache: Path, progress: Progress) -> Lesson:
    """Training and validation split of all data sets, as the recipe's trunk sees them before it learns.

    Views and features are kept in `cache`. Raises OptionInvalid or Refused for what is not there.
    """
    corpus = read_corpus(sources.data, Ontology.load(ONTOLOGY))
    trunk = FrozenTrunk(recipe.image.backbone, sources.mobilenet_v2, recipe.image.stages[0])
    views = ViewCache(cache / "views", recipe.side)
    reader = RowReader(corpus, views, TrunkFeatures(trunk, cache / "frozen"), progress)
    training, judged = reader.read(Split.TRAIN), reader.read(Split.VALIDATION)
    tasks = learnable(training, judged=judged)
    return Lesson(training.of_tasks(tasks), judged.of_tasks(tasks))


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
