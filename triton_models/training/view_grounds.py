# SPDX-License-Identifier: Apache-2.0
"""Catalogue photos in other frames, on other grounds: else a person is whatever stands on white and has a face."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from triton_models.training.view_rules import RULED_SIDE_PX, WHITE_LEVEL, ViewKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from triton_models.training.datasets import LabelledProduct

#: Shares of a person's height that are cut off at the top: nothing, a face, a face and shoulders.
_CUTS = (0.0, 0.0, 0.15, 0.25)
#: Width by height of the new picture.
_SHAPES = (0.75, 1.0, 1.5)
_WHITE = (255, 255, 255)


def reframed(
    product: LabelledProduct, picture: Image.Image, kind: ViewKind, floors: Sequence[Image.Image]
) -> tuple[Image.Image, ViewKind] | None:
    """The same product or person on white, before a plain colour or on one of the floors, and what kind that is.

    A person stays one, with or without a face; a product that is not on white any more is unknown. What is left to
    chance follows from the product's key. None for other kinds, and where the picture's sides are not white: nothing
    then tells the ground.
    """
    figure = _figure(picture) if kind in {ViewKind.ON_MODEL, ViewKind.WHITE_BACKGROUND} else None
    if figure is None:
        return None
    draw = hashlib.sha256(f"ground/{product.key}".encode()).digest()
    top = round(picture.height * _CUTS[draw[0] % len(_CUTS)]) if kind is ViewKind.ON_MODEL else 0
    box = (0, top, picture.width, picture.height)
    picture, figure = picture.crop(box), figure.crop(box)
    size = (max(picture.width, round(picture.height * _SHAPES[draw[1] % len(_SHAPES)])), picture.height)
    if draw[5] % 3 == 0:
        ground = Image.new("RGB", size, _WHITE)
    elif draw[5] % 3 == 1 and floors:
        ground = floors[draw[6] % len(floors)].resize(size)
    else:
        # Any hue, darker than what passes for white.
        ground = Image.new("RGB", size, (draw[2] * 3 // 4 + 20, draw[3] * 3 // 4 + 20, draw[4] * 3 // 4 + 20))
    is_white = draw[5] % 3 == 0
    ground.paste(picture, ((size[0] - picture.width) * draw[7] // 255, 0), figure)
    return ground, kind if is_white or kind is ViewKind.ON_MODEL else ViewKind.UNKNOWN


def floor_of(picture: Image.Image) -> Image.Image:
    """The upper left corner of a home photo: what a garment lies on, with luck nothing of the garment."""
    return picture.crop((0, 0, picture.width // 4, picture.height // 4))


def _figure(picture: Image.Image) -> Image.Image | None:
    """What is not white, or white and enclosed, as a mask of the picture's size."""
    small = picture.copy()
    small.thumbnail((RULED_SIDE_PX, RULED_SIDE_PX))
    white = np.asarray(small).min(2) >= WHITE_LEVEL
    if white[:, [0, -1]].mean() < 0.9:  # noqa: PLR2004  # noise and a foot at the edge
        return None
    ground = _flooded(white)
    return Image.fromarray((~ground).astype(np.uint8) * 255).resize(picture.size, Image.Resampling.BILINEAR)


def _flooded(white: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """White that a way through white leads to from an edge."""
    ground = np.zeros((white.shape[0] + 2, white.shape[1] + 2), np.bool_)
    ground[[0, -1]] = ground[:, [0, -1]] = True
    inner = ground[1:-1, 1:-1]
    reached = -1
    while reached != (reached := int(inner.sum())):
        inner |= white & (ground[:-2, 1:-1] | ground[2:, 1:-1] | ground[1:-1, :-2] | ground[1:-1, 2:])
    return inner
