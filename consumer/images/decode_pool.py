# SPDX-License-Identifier: Apache-2.0
"""The threads that turn bodies into views. JPEG decode and resize release the GIL: two threads do nearly double."""

from __future__ import annotations

import asyncio
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.images.pillow import limit_pillow
from consumer.images.pixels import PixelLimits, decode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from consumer.events import FetchReason
    from consumer.observability.metrics import Metrics
    from consumer.settings import ImageSettings


@dataclass(frozen=True, slots=True)
class DecodedBody:
    """What became of a body."""

    content_hash: str
    """SHA-256, lower-case hex."""
    views: NDArray[np.uint8] | FetchReason


class DecodePool:
    """Whoever makes it closes it."""

    def __init__(self, settings: ImageSettings, metrics: Metrics) -> None:
        limit_pillow(settings.max_pixels)
        self._limits = PixelLimits(settings.max_pixels, settings.max_side_px, settings.min_side_px)
        self._metrics = metrics
        self._threads = ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="image-decode")

    async def decode(self, body: bytes, side: int) -> DecodedBody:
        """Hash and views of a body, or why it has none. Waits for a free thread; never raises for an image."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._decode, body, side)

    def close(self) -> None:
        """End the threads: running decodes finish, waiting ones are cancelled. Blocks for a decode at most."""
        self._threads.shutdown(cancel_futures=True)

    def _decode(self, body: bytes, side: int) -> DecodedBody:
        started = time.perf_counter()
        decoded = DecodedBody(hashlib.sha256(body).hexdigest(), decode(body, side, self._limits))
        self._metrics.image_decoded(time.perf_counter() - started)
        return decoded
