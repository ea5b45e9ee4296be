# SPDX-License-Identifier: Apache-2.0
"""Small changes to pictures that leave their labels as they are, and the size they are looked at in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from triton_models.training.recipe import AugmentRecipe, ImageStage

_TOP_LEVEL = 255.0
#: A rectangle that is erased covers this share of either side, drawn evenly.
_ERASED_SIDES = (0.15, 0.4)


def augment(
    views: NDArray[np.uint8], stage: ImageStage, how: AugmentRecipe, random: np.random.Generator
) -> list[Tensor]:
    """Both views of some pictures `[n, 2, side, side, 3]`, each picture changed in its own way.

    The levels of the whole and of the detail, float `[n, 3, h, w]` in the stage's sizes.
    """
    turns, lights = _turns(len(views), how, random), _lights(len(views), how, random)
    maps = torch.from_numpy(views).permute(1, 0, 4, 2, 3)
    sizes = (stage.whole_px, (stage.detail_px, stage.detail_px))
    changed = [_lit(_seen(maps[view].to(torch.float32), size, turns), lights) for view, size in enumerate(sizes)]
    _erase(changed[0], how.erased, random)
    return [view.contiguous(memory_format=torch.channels_last) for view in changed]


def _turns(count: int, how: AugmentRecipe, random: np.random.Generator) -> NDArray[np.float32]:
    """`[n, 2, 3]`: where in the picture, from -1 to 1, each corner of the changed one is looked up."""
    mirrored = np.where(random.random(count) < how.mirrored, -1.0, 1.0)
    size = 1 + how.zoom * random.uniform(-1, 1, count)
    angle = np.radians(how.rotation_degrees) * random.uniform(-1, 1, count)
    across, down = 2 * how.shift * random.uniform(-1, 1, (2, count))
    cos, sin = size * np.cos(angle), size * np.sin(angle)
    rows = [[cos * mirrored, -sin, across], [sin * mirrored, cos, down]]
    return np.array(rows, dtype=np.float32).transpose(2, 0, 1)


def _seen(maps: Tensor, size: tuple[int, int], turns: NDArray[np.float32]) -> Tensor:
    height, width = size
    longest = max(size)
    if 2 * longest <= maps.shape[2]:
        # Single pixels would be picked where there are several for one.
        maps = functional.avg_pool2d(maps, maps.shape[2] // longest)
    extent = np.array([width, height, longest], dtype=np.float32) / longest
    theta = torch.from_numpy(turns * extent)
    grid = functional.affine_grid(theta, [len(maps), 3, height, width], align_corners=False)
    return functional.grid_sample(maps, grid, padding_mode="border", align_corners=False)


def _lights(count: int, how: AugmentRecipe, random: np.random.Generator) -> Tensor:
    """`[3, n, 1, 1, 1]`: gain around middle grey, offset, gain of the distance to the pixel's own grey."""
    gain, offset, saturation = random.uniform(-1, 1, (3, count))
    lights = np.stack([1 + how.contrast * gain, _TOP_LEVEL * how.brightness * offset, 1 + how.saturation * saturation])
    return torch.from_numpy(lights.astype(np.float32)).reshape(3, count, 1, 1, 1)


def _lit(maps: Tensor, lights: Tensor) -> Tensor:
    gain, offset, saturation = lights
    middle = _TOP_LEVEL / 2
    grey = maps.mean(1, keepdim=True)
    maps = grey + saturation * (maps - grey)
    lit: Tensor = (maps - middle) * gain + middle + offset
    return lit.clamp_(0, _TOP_LEVEL)


def _erase(maps: Tensor, share: float, random: np.random.Generator) -> None:
    """A grey rectangle, in place."""
    sides = np.array(maps.shape[2:])
    for index in np.flatnonzero(random.random(len(maps)) < share):
        extent = np.round(sides * random.uniform(*_ERASED_SIDES, 2)).astype(int)
        top, left = random.integers(0, sides - extent + 1)
        maps[index, :, top : top + extent[0], left : left + extent[1]] = _TOP_LEVEL / 2
