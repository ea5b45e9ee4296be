# SPDX-License-Identifier: Apache-2.0
"""What a decode pool makes of one body."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from consumer.images.decode_pool import DecodedBody, DecodePool
from consumer.settings import ImageSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from consumer.events import FetchReason
    from consumer.observability.metrics import Metrics

SIDE = 64


def decoded(body: bytes, metrics: Metrics, **settings: float) -> DecodedBody:
    """By a pool of its own."""
    pool = DecodePool(ImageSettings(**settings), metrics)
    try:
        return asyncio.run(pool.decode(body, SIDE, "acme"))
    finally:
        pool.close()


def pixels(answer: NDArray[np.uint8] | FetchReason) -> NDArray[np.uint8]:
    """The views, which have to be there."""
    assert isinstance(answer, np.ndarray), answer
    return answer


def distance(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Mean difference of two pairs of views, of the pair of views that differs more."""
    return float(np.abs(first.astype(int) - second.astype(int)).mean(axis=(1, 2, 3)).max())
