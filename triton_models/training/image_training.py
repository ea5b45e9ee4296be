# SPDX-License-Identifier: Apache-2.0
"""Teaching the image tower: stages of descent over the cached views of the training split."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from consumer.errors import OptionInvalid
from triton_models.training.augment import augment
from triton_models.training.batches import Batches, Mixture
from triton_models.training.descent import Checkpoint, Cost, Descent, Schedule
from triton_models.training.fingerprint import fingerprint
from triton_models.training.losses import summed_loss

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
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
        self._keys = {row: labels.tobytes() for row, labels in enumerate(packed)}
        self._mixture = Mixture(
            self._recipe.batch,
            exponent=self._recipe.exponent,
            alike_share=self._recipe.alike_share,
            max_alike=recipe.max_images,
            seed=recipe.seed,
        )
        self._right = [torch.from_numpy(right) for right in pictures.targets.values()]

    def run(self, folder: Path, key: str, progress: Progress) -> None:
        """All stages in turn. A killed run goes on from the checkpoints in `folder`.

        `key`: hash of all that they have in common.
        """
        for stage, batches, descent in self._stages(folder, key):
            height, width = stage.whole_px
            descent.run(partial(self._loss, stage, batches), progress.of(f"image tower, {width}x{height} pixels"))

    def restore(self, folder: Path, key: str) -> Cost:
        """Load what all stages left; what they took. Raises Refused where one has not finished."""
        return sum((descent.restore() for _, _, descent in self._stages(folder, key)), start=Cost())

    def _stages(self, folder: Path, key: str) -> Iterator[tuple[ImageStage, Batches, Descent]]:
        """What a stage ends with depends on those before it, not on those after: recipes that begin alike share it."""
        for number, stage in enumerate(self._recipe.stages, 1):
            key = fingerprint(key, asdict(stage))
            batches = self._batches(stage)
            descent = Descent(
                module=nn.ModuleList([self._tower, self._heads]),
                rates=[
                    (stage.trunk_rate, self._tower.trunk.features.parameters()),
                    (stage.head_rate, [*self._tower.dense.parameters(), *self._heads.parameters()]),
                ],
                schedule=Schedule(max(1, round(stage.epochs * batches.per_epoch))),
                decay=self._recipe.decay,
                seed=self._seed + number * 1_000_000,
                checkpoint=Checkpoint.of("image", key, folder),
            )
            yield stage, batches, descent

    def _batches(self, stage: ImageStage) -> Batches:
        rows = self._pictures.datasets
        if missing := [name for name in stage.datasets if name not in rows]:
            raise OptionInvalid(f"a stage learns from {', '.join(missing)}, of which there is no photo")
        return Batches({name: rows[name] for name in stage.datasets or rows}, self._keys, self._mixture)

    def _loss(self, stage: ImageStage, batches: Batches, step: int) -> Tensor:
        """The loss of one batch: each picture by itself, and what is pooled of those with equal labels."""
        batch = batches.at(step)
        random = np.random.default_rng((self._seed, *stage.whole_px, step))
        shown = np.array([random.choice(self._pictures.views[row]) for row in batch.rows])
        views = augment(self._pictures.pixels[shown], stage, self._recipe.augmentation, random)
        vectors = self._vectors(views, learns_trunk=stage.trunk_rate > 0)
        pooled = [vectors[positions.start : positions.stop].amax(0) for positions in batch.alike]
        examples = torch.cat([vectors, torch.stack(pooled)]) if pooled else vectors
        rows = [*batch.rows, *(batch.rows[positions.start] for positions in batch.alike)]
        right = [right[rows] for right in self._right]
        return summed_loss(self._heads(examples), right, self._recipe.smoothing)

    def _vectors(self, views: Sequence[Tensor], *, learns_trunk: bool) -> Tensor:
        self._tower.train()
        with torch.set_grad_enabled(learns_trunk):
            features = torch.cat([self._tower.trunk.view(view) for view in views], 1)
        vectors: Tensor = self._tower.dense(features)
        return vectors
