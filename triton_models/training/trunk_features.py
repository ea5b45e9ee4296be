# SPDX-License-Identifier: Apache-2.0
"""What a trunk that never learnt of fashion sees in photos, kept on disk: dense parts are compared on it in minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from consumer.bundle import sha256_of
from consumer.errors import Refused
from consumer.images.pixels import PIXELS_VERSION
from triton_models.training.augment import augment
from triton_models.training.fingerprint import fingerprint
from triton_models.training.image_tower import load_image_trunk
from triton_models.training.recipe import AugmentRecipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from triton_models.training.recipe import ImageStage

#: Every picture as it is.
STILL = AugmentRecipe(mirrored=0, zoom=0, shift=0, rotation_degrees=0, brightness=0, contrast=0, saturation=0, erased=0)

_BATCH_PHOTOS = 64


@dataclass(frozen=True, slots=True)
class FrozenTrunk:
    """A backbone as its weights left it, and the stage of training whose sizes it sees pictures in."""

    backbone: str
    weights: Path | None
    """A torchvision state dict; None = random weights."""
    stage: ImageStage

    @property
    def key(self) -> str:
        """Hash of all that the features of given views depend on. Raises Refused when the weights are not there."""
        if self.weights and not self.weights.is_file():
            raise Refused(f"{self.weights} is not there: the weights of the frozen trunk")
        weights = sha256_of(self.weights) if self.weights else None
        return fingerprint(self.backbone, weights, self.stage.whole_px, self.stage.detail_px)


class TrunkFeatures:
    """Features of cached views, in one file for each trunk and list of photos."""

    def __init__(self, trunk: FrozenTrunk, folder: Path) -> None:
        """`folder` is made where there is none."""
        self._trunk = trunk
        self._folder = folder

    def of(
        self,
        pixels: NDArray[np.uint8],
        shown: Sequence[int],
        hashes: Sequence[str],
        progress: Callable[[int, int], None],
    ) -> NDArray[np.float16]:
        """`[n, 2 x dim]`, the whole before the detail, of the rows `shown` of `pixels` `[v, 2, side, side, 3]`.

        `hashes` names the photos that they show. What is there already is read; a killed computation starts anew.
        Raises Refused when the weights are not there.
        """
        key = fingerprint(self._trunk.key, PIXELS_VERSION, pixels.shape[1:], list(hashes))
        path = self._folder / f"{key[:16]}.npy"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                np.save(file, self._compute(pixels, shown, progress))
            part.replace(path)
        features: NDArray[np.float16] = np.load(path)
        return features

    def _compute(
        self, pixels: NDArray[np.uint8], shown: Sequence[int], progress: Callable[[int, int], None]
    ) -> NDArray[np.float16]:
        stage = self._trunk.stage
        trunk = load_image_trunk(self._trunk.backbone, self._trunk.weights, frozen=0).eval()
        features = np.empty((len(shown), trunk.dim), np.float16)
        still = np.random.default_rng(0)
        with torch.inference_mode():
            for start in range(0, len(shown), _BATCH_PHOTOS):
                batch = list(shown[start : start + _BATCH_PHOTOS])
                views = augment(pixels[batch], stage, STILL, still)
                features[start : start + len(batch)] = torch.cat([trunk.view(view) for view in views], 1).numpy()
                progress(start + len(batch), len(shown))
        return features
