# SPDX-License-Identifier: Apache-2.0
"""Ways to show a photo: how large, on which margin, and which part of it is the second view.

Of catalogue photos of the shape 3:4, which is nearly all of them; most have 60x80 pixels. So every picture but the
starter's own detail is made of the cached view of the whole, 128x96 pixels on a square of 128, and loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

#: Columns of the whole view that hold a photo of 3:4; what is left and right of them is margin.
_LEFT, _RIGHT = 16, 112
_DETAIL_PX = 64
#: Of both sides, in the middle: the crop of octopod, which ours is held against.
_SQUASHED_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Picture:
    """One view as a trunk is shown it."""

    name: str
    of: Callable[[Tensor], Tensor]
    """Levels `[n, 3, h, w]` of cached views, levels `[n, 2, 3, 128, 128]`."""


def _resized(height: int, views: Tensor) -> Tensor:
    photo = _photo(views)
    return functional.interpolate(photo, (height, height * 3 // 4), mode="bilinear", antialias=True)


def _on_margin(level: float | None, views: Tensor) -> Tensor:
    """None: the outermost pixels go on."""
    photo, sides = _photo(views), (_LEFT, views.shape[-1] - _RIGHT, 0, 0)
    return functional.pad(photo, sides, "replicate") if level is None else functional.pad(photo, sides, value=level)


def _square(views: Tensor) -> Tensor:
    return functional.avg_pool2d(views[:, 1], views.shape[-1] // _DETAIL_PX)


def _squashed(views: Tensor) -> Tensor:
    photo = _photo(views)
    top, left = (round(side * (1 - _SQUASHED_SHARE) / 2) for side in photo.shape[2:])
    middle = photo[:, :, top:-top, left:-left]
    return functional.interpolate(middle, (_DETAIL_PX, _DETAIL_PX), mode="bilinear", antialias=True)


def _photo(views: Tensor) -> Tensor:
    return views[:, 0, :, :, _LEFT:_RIGHT]


def _whole(height: int) -> Picture:
    return Picture(f"whole {height}x{height * 3 // 4}", partial(_resized, height))


_WHOLE, _DETAIL = _whole(128), Picture("detail of 60 % of the short side, square", _square)
#: The main stage of the recipe; the others are held against it.
AS_LEARNT = (_WHOLE, _DETAIL)
LOOKS = (
    *((_whole(height), _DETAIL) for height in (64, 96, 176)),
    *(
        (Picture(f"whole 128x128, {margin}", partial(_on_margin, level)), _DETAIL)
        for margin, level in (("white", 255.0), ("grey", 127.5), ("black", 0.0), ("outermost pixels go on", None))
    ),
    (_WHOLE,),
    (_WHOLE, Picture("detail of 40 % of both sides, squashed", _squashed)),
)


def name_of(look: tuple[Picture, ...]) -> str:
    """For a row of a table."""
    return " + ".join(picture.name for picture in look)
