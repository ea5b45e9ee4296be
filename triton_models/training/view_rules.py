# SPDX-License-Identifier: Apache-2.0
"""What kind of view a photo is, by rules of thumb: no data set has such labels.

A rule answers only where it is sure; a photo that none is sure of teaches nothing. All of them lean on how these two
data sets were photographed, so they make examples for a head and judge nobody else's photos. Details are made: neither
data set holds any.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from triton_models.training.datasets import CLOTHING_DATASET

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from triton_models.training.datasets import LabelledProduct


class ViewKind(StrEnum):
    """The columns of the head, under the names that the manifest and the event have for them."""

    WHITE_BACKGROUND = "white_background"
    """The product alone, whole, on white."""
    ON_MODEL = "on_model"
    """Somebody wears it."""
    DETAIL = "detail"
    """So near that the product goes on beyond the picture's edges."""
    UNKNOWN = "unknown"
    """None of these: an answer like the others, so that the head needs no threshold."""


#: Column order of the head, frozen in the manifest of every bundle that has one.
VIEW_TYPES = tuple(ViewKind)

#: Rules see a photo at this longest side, at which most of the catalogue has it: one strip for all sizes.
RULED_SIDE_PX = 80
_STRIP_PX = 3
#: JPEG noise leaves white above it.
WHITE_LEVEL = 235
#: More than noise and less than a pale garment on white.
_OFF_GROUND = 40

#: Shares of the edges that are white where all of the ground is, and where it has another colour.
_ALL_WHITE, _NOT_WHITE = 0.97, 0.2
#: Shares of an edge: nothing reaches it, a body does, clothes above a waist do.
_UNCUT, _CUT_BELOW, _CUT_ABOVE = 0.02, 0.10, 0.15
#: Shares of skin: none; a face among what is in the middle of the upper quarter; hands, feet or bare legs of all. More
#: than the upper end is a garment of that colour.
_NO_SKIN, _FACE, _LIMBS = 0.01, (0.06, 0.6), (0.02, 0.7)
#: Share of white in the middle of a photo above which it shows the ground.
_SOME_GROUND = 0.05
#: A detail of fewer pixels would be enlarged to nothing but blur.
_MIN_DETAIL_PX = 40

#: Accessories that the catalogue shows worn.
_WORN = frozenset({"Scarves", "Stoles", "Mufflers", "Headwear"})
#: Worn from the waist: the person is cut off above.
_FROM_THE_WAIST = frozenset({"Bottomwear", "Innerwear"})
#: Nobody can photograph it without the person whom it is draped around.
_DRAPED = "Saree"
#: Width by height of a detail.
_SHAPES = (0.75, 0.75, 1.0, 1.5)
#: Home photos of these show nothing but cloth in the middle; trousers and shoes show the floor there.
_UPPER_GARMENTS = frozenset(
    {"Blazer", "Blouse", "Body", "Dress", "Hoodie", "Longsleeve", "Outwear", "Polo", "Shirt", "T-Shirt", "Undershirt"}
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Shares of what a photo shows."""

    white_edge: float
    """Near-white pixels along all four edges."""
    skin: float
    """Skin-coloured pixels of all."""
    skin_on_top: float
    """The same in the middle of the upper quarter, where a face or a neck would be."""
    cut_above: float
    """Pixels along the upper edge that are not the ground."""
    cut_below: float
    white: float
    """Near-white pixels of all."""


def kind_of(product: LabelledProduct, picture: Image.Image) -> ViewKind | None:
    """What the photo of this product is; None where no rule is sure."""
    seen = _see(picture)
    if product.dataset == CLOTHING_DATASET:
        # People photographed what they own on floors, beds and hangers.
        return ViewKind.UNKNOWN if seen.white_edge < _NOT_WHITE else None
    labels = product.labels
    may_be_worn = labels.get("masterCategory") == "Apparel" or labels.get("subCategory") in _WORN
    if may_be_worn and _shows_a_person(seen, labels.get("subCategory", "")):
        return ViewKind.ON_MODEL
    # Leather, gold and rouge have the colours of skin, so it counts only where there may be a person.
    is_alone = seen.skin < _NO_SKIN if may_be_worn else max(seen.cut_above, seen.cut_below) < _UNCUT
    if is_alone and seen.white_edge >= _ALL_WHITE:
        return ViewKind.WHITE_BACKGROUND
    if is_alone and seen.white_edge < _NOT_WHITE:
        return ViewKind.UNKNOWN
    return None


def _shows_a_person(seen: _Seen, category: str) -> bool:
    """Skin where it would be, and a body that goes on beyond the picture.

    A garment alone is never cut off; one that has the colour of skin would else pass for a person.
    """
    if category in _FROM_THE_WAIST and seen.cut_above >= _CUT_ABOVE and _LIMBS[0] <= seen.skin <= _LIMBS[1]:
        return True
    has_face = _FACE[0] <= seen.skin_on_top <= _FACE[1]
    return has_face and (seen.cut_below >= _CUT_BELOW or category == _DRAPED)


def middle_of(product: LabelledProduct, picture: Image.Image) -> Image.Image | None:
    """A detail: the middle of a photo, in its own pixels or in fewer; None where it would show more ground than cloth.

    15 to 35 % of the width, in one of several shapes, every second one shrunk to what most photos of the catalogue
    have: else sharp pictures would be details, and blurred ones none. All this follows from the product's key.
    """
    draw = hashlib.sha256(f"middle/{product.key}".encode()).digest()
    width = round(picture.width * (0.15 + 0.20 * draw[0] / 255))
    height = min(round(width / _SHAPES[draw[2] % len(_SHAPES)]), picture.height)
    is_cloth = product.dataset != CLOTHING_DATASET or product.labels.get("label") in _UPPER_GARMENTS
    if not is_cloth or min(width, height) < _MIN_DETAIL_PX:
        return None
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    middle = picture.crop((left, top, left + width, top + height))
    if _see(middle).white > _SOME_GROUND:
        return None
    if draw[1] % 2:
        middle.thumbnail((RULED_SIDE_PX, RULED_SIDE_PX))
    return middle


def _see(picture: Image.Image) -> _Seen:
    small = picture.convert("RGB")
    small.thumbnail((RULED_SIDE_PX, RULED_SIDE_PX))
    pixels = np.asarray(small).astype(np.int16)
    white, skin = pixels.min(2) >= WHITE_LEVEL, _has_colour_of_skin(pixels)
    height, width = white.shape
    edge = np.zeros((height, width), np.bool_)
    edge[:_STRIP_PX] = edge[-_STRIP_PX:] = edge[:, :_STRIP_PX] = edge[:, -_STRIP_PX:] = True
    ground = np.median(pixels[edge], axis=0)
    off_ground = np.abs(pixels - ground).max(2) > _OFF_GROUND
    return _Seen(
        white_edge=float(white[edge].mean()),
        skin=float(skin.mean()),
        skin_on_top=float(skin[: height // 4, width // 4 : width - width // 4].mean()),
        cut_above=float(off_ground[:_STRIP_PX].mean()),
        cut_below=float(off_ground[-_STRIP_PX:].mean()),
        white=float(white.mean()),
    )


def _has_colour_of_skin(pixels: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Redder than green, greener than blue and not too dark: the rule of Kovac et al. (2003), for blue as well."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    is_lit = (red > 95) & (green > 40) & (blue > 20)  # noqa: PLR2004  # the rule's own levels
    return np.asarray(is_lit & (red - blue > 15) & (red - green > 15) & (green >= blue - 5))  # noqa: PLR2004
