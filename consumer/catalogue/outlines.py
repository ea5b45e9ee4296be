# SPDX-License-Identifier: Apache-2.0
"""Outlines as short texts, in a frame of 300 x 400 units: `M x,y L x,y Q cx,cy x,y ...` or `E cx,cy rx,ry`.

A subset of SVG's path language with absolute coordinates: move, line, quadratic curve; and an ellipse.
"""

from __future__ import annotations

from functools import lru_cache
from math import cos, pi, sin

#: Units of the frame.
FRAME = (300, 400)

_CURVE_STEPS = 12
_ELLIPSE_STEPS = 48
_POINTS = {"M": 1, "L": 1, "Q": 2, "E": 2}

Point = tuple[float, float]


@lru_cache(maxsize=512)
def trace(path: str) -> tuple[Point, ...]:
    """The corners of a polygon or line that follows the path closely. Raises ValueError for another command."""
    points: list[Point] = []
    words = iter(path.split())
    for command in words:
        if command not in _POINTS:
            raise ValueError(f"{command!r} in {path!r}")
        given = [_point(next(words)) for _ in range(_POINTS[command])]
        if command == "E":
            points += _ellipse(*given)
        elif command == "Q":
            points += _curve(points[-1], *given)
        else:
            points += given
    return tuple(points)


def mirrored(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The left twin of a right half."""
    return tuple((FRAME[0] - x, y) for x, y in points)


def _point(word: str) -> Point:
    x, _, y = word.partition(",")
    return float(x), float(y)


def _curve(start: Point, control: Point, end: Point) -> list[Point]:
    steps = [step / _CURVE_STEPS for step in range(1, _CURVE_STEPS + 1)]
    return [
        (
            (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * control[0] + t**2 * end[0],
            (1 - t) ** 2 * start[1] + 2 * t * (1 - t) * control[1] + t**2 * end[1],
        )
        for t in steps
    ]


def _ellipse(centre: Point, radii: Point) -> list[Point]:
    angles = [2 * pi * step / _ELLIPSE_STEPS for step in range(_ELLIPSE_STEPS)]
    return [(centre[0] + radii[0] * cos(angle), centre[1] + radii[1] * sin(angle)) for angle in angles]
