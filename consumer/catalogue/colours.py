# SPDX-License-Identifier: Apache-2.0
"""The colours that products are drawn in: the word of the title, the family of the ontology, how it looks."""

from __future__ import annotations

import math
from dataclasses import dataclass

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Colour:
    """One colour of the catalogue."""

    word: str
    family: str
    """Id of the ontology's colour family."""
    rgb: RGB
    weight: float = 1.0
    """How often it occurs, relative to the others."""


COLOURS = (
    Colour("Black", "1", (30, 30, 33), 3),
    Colour("White", "3", (243, 243, 241), 2),
    Colour("Off White", "3", (240, 236, 224), 0.5),
    Colour("Blue", "2", (44, 98, 190), 3),
    Colour("Turquoise Blue", "2", (52, 168, 186), 0.5),
    Colour("Teal", "2", (22, 112, 118), 0.5),
    Colour("Navy Blue", "15", (30, 38, 74), 2),
    Colour("Red", "13", (196, 30, 42), 2),
    Colour("Maroon", "13", (108, 24, 40), 1),
    Colour("Green", "9", (42, 134, 66), 1.5),
    Colour("Olive", "9", (96, 98, 54), 0.7),
    Colour("Grey", "8", (138, 140, 144), 2),
    Colour("Charcoal", "8", (70, 72, 77), 0.7),
    Colour("Brown", "7", (104, 66, 42), 2),
    Colour("Tan", "7", (178, 128, 82), 0.5),
    Colour("Beige", "6", (214, 194, 162), 1),
    Colour("Cream", "6", (240, 228, 198), 0.5),
    Colour("Pink", "11", (232, 110, 156), 1.5),
    Colour("Peach", "11", (246, 178, 152), 0.5),
    Colour("Purple", "12", (104, 58, 142), 1.2),
    Colour("Lavender", "12", (180, 160, 214), 0.5),
    Colour("Orange", "10", (236, 116, 32), 1),
    Colour("Yellow", "14", (246, 208, 52), 1),
    Colour("Mustard", "14", (206, 158, 38), 0.5),
)


def mixed(one: RGB, other: RGB, share: float) -> RGB:
    """`share` of the way from one to the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def distance(one: RGB, other: RGB) -> float:
    """How far apart two colours are, 0..442."""
    return math.dist(one, other)


def contrasting(rgb: RGB) -> RGB:
    """A second colour that stands out without changing what the product's colour is called."""
    red, green, blue = rgb
    is_bright = 0.3 * red + 0.59 * green + 0.11 * blue > 120  # noqa: PLR2004 - the middle of perceived brightness
    return mixed(rgb, (0, 0, 0) if is_bright else (255, 255, 255), 0.35)
