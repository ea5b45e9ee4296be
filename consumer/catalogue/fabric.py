# SPDX-License-Identifier: Apache-2.0
"""What a garment is made of: patterns of two colours, as pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from consumer.catalogue.colours import RGB

#: Share of a repeat that is of the second colour.
_STRIPE, _PINSTRIPE, _CHECK = 0.28, 0.14, 0.3
_DOT_RADIUS = 0.21

PATTERNS = ("stripes", "pinstripes", "checks", "dots")


def weave(pattern: str, one: RGB, other: RGB, *, window: tuple[slice, slice], scale: float) -> NDArray[np.float32]:
    """Pixels of a window of the frame, 0..255: mostly `one`, the pattern in `other`, repeated every `scale` pixels."""
    y, x = np.ogrid[window]
    share = _SHARES[pattern](x / scale, y / scale).astype(np.float32)[..., None]
    base, second = np.array(one, dtype=np.float32), np.array(other, dtype=np.float32)
    return base + (second - base) * share


def _stripes(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return ((y % 1.0 < _STRIPE) + 0.0 * x).astype(np.float64)


def _pinstripes(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return ((x * 1.6 % 1.0 < _PINSTRIPE) + 0.0 * y).astype(np.float64)


def _checks(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return (x % 1.0 < _CHECK) * 0.5 + (y % 1.0 < _CHECK) * 0.5


def _dots(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = x + 0.5 * (np.floor(y) % 2)
    return (((shifted % 1.0 - 0.5) ** 2 + (y % 1.0 - 0.5) ** 2) < _DOT_RADIUS**2).astype(np.float64)


_SHARES = {"stripes": _stripes, "pinstripes": _pinstripes, "checks": _checks, "dots": _dots}
