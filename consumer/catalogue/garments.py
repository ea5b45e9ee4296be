# SPDX-License-Identifier: Apache-2.0
"""The types of products that can be drawn: outlines, what they are, and who wears them.

Coordinates: `outlines.py`. Parts are painted in order. A `sym` path is the right half of something symmetric.
"""

from __future__ import annotations

from dataclasses import dataclass

FEMALE, MALE, UNISEX = "18", "19", "20"


@dataclass(frozen=True, slots=True)
class Part:
    """One filled area. `paint` names a colour of `photo.py`; only `main` carries the product's pattern."""

    paint: str
    path: str
    sym: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A seam, strap or edge of some width."""

    paint: str
    path: str
    width: float = 1.5
    sym: bool = False


@dataclass(frozen=True, slots=True)
class Garment:
    """A type of product. `category` and `gender` are ids of the ontology."""

    name: str
    category: str
    gender: str
    nouns: tuple[str, ...]
    drawing: tuple[Part | Line, ...]
    is_patterned: bool = False
    """Whether stripes and checks are common on it."""
    colours: tuple[str, ...] = ()
    """Words of the only colours that it comes in; empty for all."""
    behind: tuple[Part | Line, ...] = ()
    """What is seen of a person who wears it."""


def dots(xs: tuple[float, ...], ys: tuple[float, ...], radius: float, paint: str) -> tuple[Part, ...]:
    """Round parts at every crossing of the given lines."""
    return tuple(Part(paint, f"E {x},{y} {radius},{radius}") for x in xs for y in ys)
