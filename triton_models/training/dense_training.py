# SPDX-License-Identifier: Apache-2.0
"""The dense part and its heads, taught on features that stay as they are: choices in minutes instead of hours."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from math import log
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from triton_models.training.batches import Batches, Mixture
from triton_models.training.descent import Checkpoint, Descent, Schedule
from triton_models.training.fingerprint import LEARNING_VERSION, fingerprint
from triton_models.training.heads import TaskHeads
from triton_models.training.image_tower import dense_part
from triton_models.training.losses import summed_loss
from triton_models.training.metrics import macro_f1

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from triton_models.training.frozen_rows import FrozenRows
    from triton_models.training.recipe import ImageRecipe


class Weighing(StrEnum):
    """What the loss of a row counts for."""

    AS_TRAINED = "as trained"
    """The plain sum, as image and text towers learn: tasks with many answers count for more."""
    BY_ANSWERS = "divided by ln K"
    """What a task costs that knows nothing is then one, however many answers it has."""
    BY_COUNT = "count^-0.5"
    """As trained, times count^-0.5 of the right answer, whose mean over a task's labelled rows is one."""


@dataclass(frozen=True, slots=True)
class DenseRecipe:
    """How a dense part learns on frozen features."""

    image: ImageRecipe
    """Sizes, dropout, smoothing, decay, batch and mixture are taken from it; its stages are not."""
    epochs: float = 8.0
    """Passes over the largest data set."""
    rate: float = 1e-3
    """Peak learning rate."""
    weighing: Weighing = Weighing.AS_TRAINED
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Answered:
    """One task's answers to the products that have a label of it."""

    is_right: NDArray[np.bool_]
    """`[n]`, in the order of the products."""
    macro_f1: float
    """Over those whose label is one answer; 0 of none."""


class DenseHeads(nn.Module):
    """Trunk features `[n, D]` -> logits `[n, K]` of each task, in their order."""

    def __init__(self, width: int, recipe: ImageRecipe, sizes: Mapping[str, int]) -> None:
        """`sizes`: the number of answers of each task."""
        super().__init__()
        self.dense = dense_part(width, recipe)
        self.heads = TaskHeads(recipe.dim, sizes)

    def forward(self, features: Tensor) -> list[Tensor]:
        """All tasks at once."""
        logits: list[Tensor] = self.heads(self.dense(features))
        return logits


def learn_dense(
    rows: FrozenRows, recipe: DenseRecipe, folder: Path, progress: Callable[[int, int], None]
) -> DenseHeads:
    """A dense part with a head for each task of the rows. A finished run is read from `folder`, a killed one goes on.

    Of one seed, two runs start with the same dense part and see the same rows in the same order, whatever their tasks.
    """
    torch.manual_seed(recipe.seed)
    model = DenseHeads(
        rows.features.shape[1], recipe.image, {name: right.shape[1] for name, right in rows.targets.items()}
    )
    batches = _batches(rows, recipe)
    right = [torch.from_numpy(right) for right in rows.targets.values()]
    weights = column_weights(rows.targets, recipe.weighing)

    def loss_of(step: int) -> Tensor:
        drawn = batches.at(step).rows
        model.train()
        logits = model(torch.from_numpy(rows.features[drawn].astype(np.float32)))
        return summed_loss(logits, [task[drawn] for task in right], recipe.image.smoothing, weights)

    Descent(
        module=model,
        rates=[(recipe.rate, model.parameters())],
        schedule=Schedule(max(1, round(recipe.epochs * batches.per_epoch))),
        decay=recipe.image.decay,
        seed=recipe.seed * 1_000_000,
        checkpoint=Checkpoint.of("dense", _key(rows, recipe), folder),
    ).run(loss_of, progress)
    return model


def image_vectors(model: DenseHeads, rows: FrozenRows) -> NDArray[np.float32]:
    """`[n, dim]`, what the dense part makes of each product."""
    model.eval()
    with torch.inference_mode():
        vectors = model.dense(torch.from_numpy(rows.features.astype(np.float32))).numpy()
    return np.asarray(vectors, dtype=np.float32)


def answers(model: DenseHeads, rows: FrozenRows) -> dict[str, Answered]:
    """By task of the rows, which the model's are in the same order, what the likeliest answers are worth."""
    vectors = torch.from_numpy(image_vectors(model, rows))
    with torch.inference_mode():
        columns = [logits.argmax(1).numpy() for logits in model.heads(vectors)]
    return {handle: _answered(rows.targets[handle], found) for handle, found in zip(rows.targets, columns, strict=True)}


def column_weights(targets: Mapping[str, NDArray[np.bool_]], weighing: Weighing) -> list[Tensor] | None:
    """By task `[K]`, what rows of each right column count for; None = all for one."""
    match weighing:
        case Weighing.AS_TRAINED:
            return None
        case Weighing.BY_ANSWERS:
            return [torch.full((right.shape[1],), 1 / log(max(2, right.shape[1]))) for right in targets.values()]
        case Weighing.BY_COUNT:
            return [_by_count(right) for right in targets.values()]


def _by_count(right: NDArray[np.bool_]) -> Tensor:
    counts = torch.from_numpy(right[right.sum(1) == 1].sum(0)).to(torch.float32)
    weights = counts.clamp(min=1).rsqrt()
    return weights * counts.sum().clamp(min=1) / (weights * counts).sum().clamp(min=1)


def _answered(right: NDArray[np.bool_], columns: NDArray[np.int64]) -> Answered:
    known, single = right.any(1), right.sum(1) == 1
    return Answered(
        is_right=right[np.arange(len(right)), columns][known],
        macro_f1=macro_f1(columns[single], right[single].argmax(1)) if single.any() else 0.0,
    )


def _batches(rows: FrozenRows, recipe: DenseRecipe) -> Batches:
    datasets: dict[str, list[int]] = {}
    for row, dataset in enumerate(rows.datasets):
        datasets.setdefault(dataset, []).append(row)
    mixture = Mixture(recipe.image.batch, exponent=recipe.image.exponent, seed=recipe.seed)
    return Batches(datasets, dict.fromkeys(range(len(rows)), b""), mixture)


def _key(rows: FrozenRows, recipe: DenseRecipe) -> str:
    told = asdict(replace(recipe, image=replace(recipe.image, stages=())))
    return fingerprint(LEARNING_VERSION, told, rows.datasets, {"features": rows.features}, rows.targets)
