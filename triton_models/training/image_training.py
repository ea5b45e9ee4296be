# SPDX-License-Identifier: Apache-2.0
"""Teaching the image tower: stages of descent over the cached views of the training split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from triton_models.training.augment import Augmentation, augment
from triton_models.training.batches import Batches, Mixture
from triton_models.training.descent import Checkpoint, Descent, Schedule
from triton_models.training.losses import summed_loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from triton_models.training.heads import TaskHeads
    from triton_models.training.image_tower import ImageTower
    from triton_models.training.progress import Progress
    from triton_models.training.recipe import ImageStage, Recipe


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the image tower learns from, by position of the product."""

    pixels: NDArray[np.uint8]
    """Views of all photos, `[v, 2, side, side, 3]`."""
    views: Sequence[Sequence[int]]
    """The rows of `pixels` that show the product; one of them is drawn each time."""
    datasets: Mapping[str, Sequence[int]]
    """Products by data set."""
    targets: Mapping[str, NDArray[np.bool_]]
    """By task, the right columns."""


class ImageTraining:
    """A tower and its heads on the way from ImageNet to fashion."""

    def __init__(self, tower: ImageTower, heads: TaskHeads, pictures: Pictures, recipe: Recipe) -> None:
        self._tower = tower
        self._heads = heads
        self._pictures = pictures
        self._recipe = recipe.image
        self._seed = recipe.seed
        packed = np.packbits(np.hstack(list(pictures.targets.values())), axis=1)
        keys = {row: labels.tobytes() for row, labels in enumerate(packed)}
        how = Mixture(
            self._recipe.batch,
            exponent=self._recipe.exponent,
            alike_share=self._recipe.alike_share,
            max_alike=recipe.max_images,
            seed=recipe.seed,
        )
        self._batches = Batches(pictures.datasets, keys, how)
        self._right = [torch.from_numpy(right) for right in pictures.targets.values()]

    def run(self, folder: Path, key: str, progress: Progress) -> None:
        """All stages in turn. A killed run goes on from the checkpoints in `folder`."""
        for stage, descent in zip(self._recipe.stages, self._descents(folder, key), strict=True):
            descent.run(partial(self._loss, stage), progress.of(f"image tower, {stage.side} pixels"))

    def restore(self, folder: Path, key: str) -> float:
        """Load what all stages left; seconds that they took. Raises Refused where one has not finished."""
        return sum(descent.restore() for descent in self._descents(folder, key))

    def _descents(self, folder: Path, key: str) -> list[Descent]:
        return [
            Descent(
                module=nn.ModuleList([self._tower, self._heads]),
                rates=[
                    (stage.trunk_rate, self._tower.trunk.features.parameters()),
                    (stage.head_rate, [*self._tower.dense.parameters(), *self._heads.parameters()]),
                ],
                schedule=Schedule(max(1, round(stage.epochs * self._batches.per_epoch))),
                decay=self._recipe.decay,
                seed=self._seed + number * 1_000_000,
                checkpoint=Checkpoint(folder / f"image-{number}.pt", key),
            )
            for number, stage in enumerate(self._recipe.stages, 1)
        ]

    def _loss(self, stage: ImageStage, step: int) -> Tensor:
        """The loss of one batch: each picture by itself, and what is pooled of those with equal labels."""
        batch = self._batches.at(step)
        random = np.random.default_rng((self._seed, stage.side, step))
        shown = np.array([random.choice(self._pictures.views[row]) for row in batch.rows])
        pixels = torch.from_numpy(augment(self._pictures.pixels, shown, Augmentation(), random))
        vectors = self._vectors(_at_side(pixels, stage.side), learns_trunk=stage.trunk_rate > 0)
        pooled = [vectors[positions.start : positions.stop].amax(0) for positions in batch.alike]
        examples = torch.cat([vectors, torch.stack(pooled)]) if pooled else vectors
        rows = [*batch.rows, *(batch.rows[positions.start] for positions in batch.alike)]
        right = [right[rows] for right in self._right]
        return summed_loss(self._heads(examples), right, self._recipe.smoothing)

    def _vectors(self, pixels: Tensor, *, learns_trunk: bool) -> Tensor:
        self._tower.train()
        self._tower.trunk.train(learns_trunk)
        with torch.set_grad_enabled(learns_trunk):
            features = self._tower.trunk(pixels)
        vectors: Tensor = self._tower.dense(features)
        return vectors


def _at_side(pixels: Tensor, side: int) -> Tensor:
    """`[b, 2, s, s, 3]` at another side, smaller or the same: coarse pictures first save time."""
    if side == pixels.shape[2]:
        return pixels
    maps = pixels.flatten(0, 1).permute(0, 3, 1, 2).to(torch.float32)
    small = nn.functional.interpolate(maps, (side, side), mode="bilinear", antialias=True)
    return small.permute(0, 2, 3, 1).reshape(-1, 2, side, side, 3)
