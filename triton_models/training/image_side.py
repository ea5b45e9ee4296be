# SPDX-License-Identifier: Apache-2.0
"""All that a recipe does with photos: views, the tower, its heads, and the vectors it then gives."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from consumer.bundle import sha256_of
from consumer.events import FetchReason
from consumer.images.decoding import decode
from triton_models.training.fingerprint import LEARNING_VERSION, fingerprint
from triton_models.training.heads import TaskHeads
from triton_models.training.image_tower import ImageTower, load_image_trunk
from triton_models.training.image_training import ImageTraining, Pictures
from triton_models.training.split import Split
from triton_models.training.views import ViewCache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from triton_models.training.corpus import Corpus
    from triton_models.training.descent import Cost
    from triton_models.training.heads import LinearHead
    from triton_models.training.progress import Progress
    from triton_models.training.recipe import ImageStage, Recipe

_BATCH_PHOTOS = 64


class ImageSide:
    """The image tower of one recipe over one corpus."""

    def __init__(self, corpus: Corpus, weights: Path | None, recipe: Recipe, cache: Path) -> None:
        """Without `weights` all is learnt from scratch. Raises Refused when they are not there."""
        torch.manual_seed(recipe.seed)
        self._corpus = corpus
        self._recipe = recipe
        self._views = ViewCache(cache / "views", recipe.side)
        trunk = load_image_trunk(recipe.image.backbone, weights, recipe.image.frozen_blocks)
        self.tower = ImageTower(trunk, recipe.image)
        self._heads = TaskHeads(recipe.image.dim, {space.handle: len(space.labels) for space in corpus.spaces})

        self._both = nn.ModuleList([self.tower, self._heads])
        self._start = sha256_of(weights) if weights else "from scratch"

    @property
    def heads(self) -> dict[str, LinearHead]:
        """By task, the head over image vectors."""
        return self._heads.learnt()

    def see(self, progress: Progress) -> None:
        """Decode every photo of the corpus that the cache lacks."""
        self._views.see(self._corpus.photo_hashes, progress)

    @property
    def undecodable(self) -> tuple[str, ...]:
        """Archive and name of each photo that `see` could not decode: nothing is learnt or measured of it."""
        hashes = self._corpus.photo_hashes
        views = self._views.rows(hashes.values())
        return tuple(
            f"{photo.archive}: {photo.member} cannot be decoded"
            for photo, digest in hashes.items()
            if digest not in views
        )

    def learn(self, folder: Path, progress: Progress) -> None:
        """Train on the training split. A killed run goes on from what `folder` holds."""
        self.learn_from(self._corpus.splits[Split.TRAIN], self._recipe.image.stages, folder, progress)

    def learn_from(self, rows: Sequence[int], stages: tuple[ImageStage, ...], folder: Path, progress: Progress) -> None:
        """Train on these products, from the ImageNet weights or from those that were loaded last.

        A killed run goes on from what `folder` holds.
        """
        training, key = self._training(rows, stages)
        training.run(folder, key, progress)

    def restore(self, folder: Path) -> Cost:
        """Take over what a finished run left; what it took. Raises Refused where it has not finished."""
        training, key = self._training(self._corpus.splits[Split.TRAIN], self._recipe.image.stages)
        return training.restore(folder, key)

    def state(self) -> dict[str, Tensor]:
        """The weights of tower and heads as they are now."""
        return self._both.state_dict()

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go back to weights that `state` gave."""
        self._both.load_state_dict(state)
        self._start = fingerprint({name: value.numpy() for name, value in state.items()})

    def _training(self, products: Sequence[int], stages: tuple[ImageStage, ...]) -> tuple[ImageTraining, str]:
        """With the key of all that its result depends on, but for the stages."""
        rows = [row for row in products if self._views_of(row)]
        datasets: dict[str, list[int]] = {}
        for position, row in enumerate(rows):
            datasets.setdefault(self._corpus.products[row].dataset, []).append(position)
        targets = self._corpus.targets(rows)
        pictures = Pictures(self._views.pixels(), [self._views_of(row) for row in rows], datasets, targets)
        hashes = [self._corpus.photo_hashes[photo] for row in rows for photo in self._corpus.products[row].photos]
        before_stages = asdict(replace(self._recipe.image, stages=()))
        seen = (self._recipe.side, self._recipe.max_images, hashes, datasets)
        key = fingerprint(LEARNING_VERSION, self._start, before_stages, self._recipe.seed, seen, targets)
        recipe = replace(self._recipe, image=replace(self._recipe.image, stages=stages))
        return ImageTraining(self.tower, self._heads, pictures, recipe), key

    def vectors(self, rows: Sequence[int], progress: Callable[[int, int], None]) -> dict[int, NDArray[np.float32]]:
        """By product, the vector of its first photo; a product without a photo that can be decoded has none."""
        shown = {row: views[0] for row in rows if (views := self._views_of(row))}
        pixels = self._views.pixels()
        self.tower.eval()
        found: dict[int, NDArray[np.float32]] = {}
        with torch.inference_mode():
            for start in range(0, len(shown), _BATCH_PHOTOS):
                batch = [*shown][start : start + _BATCH_PHOTOS]
                images = torch.from_numpy(np.stack([pixels[shown[row]] for row in batch]))
                found.update(zip(batch, self.tower(images).numpy(), strict=True))
                progress(start + len(batch), len(shown))
        return found

    def view_features(
        self, bodies: Sequence[bytes], progress: Callable[[int, int], None]
    ) -> dict[int, NDArray[np.float32]]:
        """By position, what the view-type head sees of a picture; one that cannot be decoded has none."""
        self.tower.eval()
        found: dict[int, NDArray[np.float32]] = {}
        with torch.inference_mode():
            for start in range(0, len(bodies), _BATCH_PHOTOS):
                decoded = [decode(body, self._recipe.side) for body in bodies[start : start + _BATCH_PHOTOS]]
                shown = {start + at: views for at, views in enumerate(decoded) if not isinstance(views, FetchReason)}
                if shown:
                    _, seen = self.tower.with_view_features(torch.from_numpy(np.stack([*shown.values()])))
                    found.update(zip(shown, seen.numpy(), strict=True))
                progress(start + len(decoded), len(bodies))
        return found

    def _views_of(self, row: int) -> tuple[int, ...]:
        photos = self._corpus.products[row].photos
        return tuple(self._views.rows(self._corpus.photo_hashes[photo] for photo in photos).values())
