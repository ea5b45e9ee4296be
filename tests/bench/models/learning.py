# SPDX-License-Identifier: Apache-2.0
"""Dense parts learnt on frozen features, part by part of the bench."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tests.bench.models import tables
from tests.bench.models.drawings import draw_filters, draw_plane
from tests.bench.models.plan import SHARES, choices, recipe_for
from triton_models.training.dense_training import answers, image_vectors, learn_dense
from triton_models.training.image_tower import load_image_trunk
from triton_models.training.neighbours import agreement
from triton_models.training.page import table_lines
from triton_models.training.twins import Lesson, against_twins, read_lesson

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from triton_models.training.dense_training import Answered, DenseRecipe
    from triton_models.training.frozen_rows import FrozenRows
    from triton_models.training.progress import Progress
    from triton_models.training.recipe import Recipe, Sources


#: Tasks whose own representation is held against that of all tasks.
_NEIGHBOURLY = ("category", "color")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the parts are told."""

    share: float
    """Of the training families, to learn from where it is not the question."""
    twins: tuple[str, ...]
    """Tasks that are learnt alone; none named = all."""
    cache: Path
    """Folder of views, features and runs."""
    drawings: Path | None
    """Folder; None = nothing is drawn."""


class Learning:
    """What the parts have in common."""

    def __init__(self, sources: Sources, recipe: Recipe, dense: DenseRecipe, asked: Asked, progress: Progress) -> None:
        """Reads both splits and the features of their photos."""
        lesson = read_lesson(sources, recipe, asked.cache, progress)
        self._training, self._judged = lesson.training, lesson.judged
        self._backbone, self._weights = recipe.image.backbone, sources.mobilenet_v2
        self._dense = dense
        self._asked = asked
        self._runs = asked.cache / "frozen" / "runs"
        self._progress = progress

    def report(self, part: str) -> list[str]:
        """The lines of one part."""
        training = self._training.share(self._asked.share)
        match part:
            case "twins":
                return [self._headline("Each task alone, and all at once", training), "", *self._twins(training)]
            case "neighbours":
                return [self._headline("Nearest products", training), "", *self._neighbours(training)]
            case "curve":
                return [self._headline("Shares of the training families", self._training), "", *self._curve()]
            case _:
                return [self._headline("One number of the recipe changed", training), "", *self._choices(training)]

    def _headline(self, title: str, training: FrozenRows) -> str:
        return (
            f"{title}: learnt from {len(training):,} products of the training split, {self._dense.epochs:g} passes, "
            f"losses {self._dense.weighing}; {len(self._judged):,} of the validation split"
        )

    def _twins(self, training: FrozenRows) -> list[str]:
        lesson = Lesson(training, self._judged)
        handles = self._asked.twins or training.targets
        found = against_twins(lesson, handles, self._dense, self._runs, self._progress)
        return table_lines(tables.pairs(found, "alone", "all at once"))

    def _curve(self) -> list[str]:
        found = {}
        for share in SHARES:
            rows = self._training.share(share)
            found[f"{len(rows):,}"] = self._answers(rows, recipe_for(share, self._dense), f"{len(rows):,} products")
        return table_lines(tables.curve(found))

    def _choices(self, training: FrozenRows) -> list[str]:
        base = self._answers(training, self._dense, "all tasks")
        found = {name: self._answers(training, recipe, name) for name, recipe in choices(self._dense)}
        return [*table_lines(tables.choices(base, found)), "", *table_lines(tables.macro_f1(base, found))]

    def _neighbours(self, training: FrozenRows) -> list[str]:
        judged = {"the frozen trunk": self._judged.features.astype(np.float32)}
        for name, tasks in (
            ("all tasks", tuple(training.targets)),
            *((f"{task} alone", (task,)) for task in _NEIGHBOURLY),
        ):
            model = learn_dense(training.of_tasks(tasks), self._dense, self._runs, self._progress.of(name))
            judged[name] = image_vectors(model, self._judged)
        if self._asked.drawings:
            self._draw(judged, self._asked.drawings)
        return table_lines(tables.shares({name: agreement(vectors, self._judged) for name, vectors in judged.items()}))

    def _draw(self, judged: Mapping[str, NDArray[np.float32]], folder: Path) -> None:
        trunk = load_image_trunk(self._backbone, self._weights, frozen=0)
        draw_filters(trunk, folder / "filters.svg")
        for name, vectors in judged.items():
            for task in _NEIGHBOURLY:
                file = f"{name}, by {task}.svg".replace(",", "").replace(" ", "-")
                draw_plane(vectors, self._judged.targets[task], folder / file)

    def _answers(self, rows: FrozenRows, recipe: DenseRecipe, name: str) -> dict[str, Answered]:
        return answers(learn_dense(rows, recipe, self._runs, self._progress.of(name)), self._judged)
