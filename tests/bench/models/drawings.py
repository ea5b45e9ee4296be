# SPDX-License-Identifier: Apache-2.0
"""What the first layer looks for, and where products lie, as SVG files. They hold no photo."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from triton_models.training.neighbours import plane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from triton_models.training.image_tower import ImageTrunk

_CELL, _GAP, _COLUMNS = 16, 8, 8
_SIDE, _MARGIN = 700, 10


def draw_filters(trunk: ImageTrunk, file: Path) -> None:
    """The convolutions that see the pixels, each scaled to its own range."""
    first = next(module for module in trunk.modules() if isinstance(module, nn.Conv2d))
    weights = first.weight.detach().numpy()
    low, high = (pick(weights, axis=(1, 2, 3), keepdims=True) for pick in (np.min, np.max))
    levels = np.round(255 * (weights - low) / (high - low)).astype(int)
    step = weights.shape[2] * _CELL + _GAP
    squares = [
        f'<rect x="{number % _COLUMNS * step + x * _CELL}" y="{number // _COLUMNS * step + y * _CELL}" '
        f'width="{_CELL}" height="{_CELL}" fill="rgb({",".join(map(str, levels[number, :, y, x]))})"/>'
        for number, _, y, x in np.argwhere(levels[:, :1] >= 0)
    ]
    _write(file, squares, _COLUMNS * step, -(-len(levels) // _COLUMNS) * step)


def draw_plane(vectors: NDArray[np.float32], right: NDArray[np.bool_], file: Path) -> None:
    """Products in the plane of the largest differences, one hue for each right column; others are left out."""
    known = right.sum(1) == 1
    _write(file, list(_dots(plane(vectors)[known], right[known].argmax(1), right.shape[1])), _SIDE, _SIDE)


def _dots(points: NDArray[np.float32], columns: NDArray[np.int64], count: int) -> Iterator[str]:
    half = _SIDE / 2 - _MARGIN
    for (across, down), column in zip(points.tolist(), columns.tolist(), strict=True):
        red, green, blue = (round(255 * level) for level in colorsys.hls_to_rgb(column / count, 0.45, 0.8))
        yield (
            f'<circle cx="{_SIDE / 2 + across * half:.1f}" cy="{_SIDE / 2 - down * half:.1f}" r="2" '
            f'fill="rgb({red},{green},{blue})"/>'
        )


def _write(file: Path, shapes: list[str], width: int, height: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">\n'
    file.write_text(drawing + "\n".join(shapes) + "\n</svg>\n", encoding="utf-8")
