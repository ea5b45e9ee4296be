# SPDX-License-Identifier: Apache-2.0
"""Small changes to a picture that leave its labels as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MIDDLE = 127.5


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far pictures are changed. There is no change of hue: it would turn navy into purple."""

    mirror: bool = True
    """Every second picture, left to right."""
    shift: float = 0.06
    """At most this share of the side, each way; the edge is repeated."""
    brightness: float = 0.15
    """At most this share of the full range, up or down."""
    contrast: float = 0.2
    """At most this share, more or less, around middle grey."""


def augment(
    pixels: NDArray[np.uint8], rows: NDArray[np.int64], how: Augmentation, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Copies of `pixels[rows]` (`[n, 2, side, side, 3]`), each changed in its own way, both views alike."""
    side = pixels.shape[2]
    positions = np.arange(side)
    reach = round(how.shift * side)
    out = np.empty((len(rows), *pixels.shape[1:]), np.uint8)
    for index, row in enumerate(rows):
        down, right = random.integers(-reach, reach + 1, 2)
        is_mirrored = how.mirror and random.random() < 0.5  # noqa: PLR2004  # every second
        gain = 1 + how.contrast * random.uniform(-1, 1)
        offset = 2 * _MIDDLE * how.brightness * random.uniform(-1, 1)
        ys = np.clip(positions + down, 0, side - 1)
        xs = np.clip(positions + right, 0, side - 1)
        moved = pixels[row][:, ys[:, None], xs[::-1] if is_mirrored else xs]
        levels = np.clip((np.arange(256) - _MIDDLE) * gain + _MIDDLE + offset, 0, 255).astype(np.uint8)
        out[index] = levels[moved]
    return out
