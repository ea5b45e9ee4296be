# SPDX-License-Identifier: Apache-2.0
"""The threads that turn bodies into views. JPEG decode and resize release the GIL: two threads do nearly double.

Memory, measured at 40 MP: 4 bytes per pixel for a JPEG, 6-9 for a progressive one, 10-16 for other formats, hence up to
640 MB. So one picture above `LARGE_PIXELS` is decoded at a time, while other threads go on with small ones of 130 MB
at most each. They are one more than `decode_threads`, which is what one vendor gets: another's small picture begins at
once. AVIF and HEIC have a process of their own, bounded by `avif_bytes`.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from consumer.events import FetchReason
from consumer.images.decoding import DecodePath, PixelLimits, try_views
from consumer.images.fair_threads import FairThreads, NoThreadError, TurnedAwayError
from consumer.images.gate import Patience
from consumer.images.pillow import limit_pillow
from consumer.images.sandbox import Sandbox
from consumer.images.sniff import ALL_FORMATS, SANDBOXED, ImageFormat, ImageHeader, read_header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from consumer.observability.metrics import Metrics
    from consumer.settings import ImageSettings

#: Pictures with more pixels are decoded one at a time.
LARGE_PIXELS = 8_000_000


@dataclass(frozen=True, slots=True)
class DecodedBody:
    """What became of a body."""

    content_hash: str | None
    """SHA-256, lower-case hex; None where too much waits to look at it."""
    header: ImageHeader | None
    """None where none could be read; a picture that is too large has one."""
    views: NDArray[np.uint8] | FetchReason


@dataclass(frozen=True, slots=True)
class _Vetted:
    """A body of a size that is decoded."""

    body: bytes
    content_hash: str
    header: ImageHeader
    seconds: float
    """Spent on it so far, without waits."""


class DecodePool:
    """Whoever makes it closes it. Vendors share the threads by the second. For one event loop."""

    def __init__(self, settings: ImageSettings, metrics: Metrics) -> None:
        limit_pillow(settings.max_pixels)
        self._limits = PixelLimits(settings.max_pixels, settings.max_side_px, settings.min_side_px)
        self._metrics = metrics.decoding
        self._formats = ALL_FORMATS - _formats_off(settings)
        self._sandbox = Sandbox(settings)
        # Where pictures take long, products would wait for all of them, each in a slot of the engine.
        patience = Patience(settings.slow_decode_s, settings.fetch_timeout_s)
        own = settings.decode_threads
        self._threads = FairThreads(own + 1, "image-decode", patience, per_owner=own)
        # With queues of their own: what waits there keeps no thread from small pictures.
        self._large_thread = FairThreads(1, "image-decode-large", patience, per_owner=1)
        self._sandbox_thread = FairThreads(1, "image-decode-sandbox", patience, per_owner=1)

    async def decode(self, body: bytes, side: int, vendor_id: str) -> DecodedBody:
        """Hash, header and views of a body, or why it has none. Waits for a thread; never raises for an image.

        `timeout_total` where the vendor's own pictures are slow and too many of them wait, and where the system has no
        thread: neither blames the picture. Raises ThreadsClosedError.
        """
        try:
            begun = await self._threads.run(vendor_id, partial(self._begin, body, side))
        except (TurnedAwayError, NoThreadError):
            self._metrics.decoded("other", DecodePath.REFUSED, 0.0)
            return DecodedBody(None, None, FetchReason.TIMEOUT_TOTAL)
        if isinstance(begun, DecodedBody):
            return begun
        thread = self._sandbox_thread if begun.header.format in SANDBOXED else self._large_thread
        try:
            return await thread.run(vendor_id, partial(self._finish, begun, side))
        except (TurnedAwayError, NoThreadError):
            self._metrics.decoded(_label(begun.header), DecodePath.REFUSED, begun.seconds)
            return DecodedBody(begun.content_hash, begun.header, FetchReason.TIMEOUT_TOTAL)

    def close(self) -> None:
        """End threads and process: what runs is finished, no more begins. Blocks for a decode of each kind at most."""
        for threads in (self._threads, self._large_thread, self._sandbox_thread):
            threads.close()
        self._sandbox.close()

    def _begin(self, body: bytes, side: int) -> DecodedBody | _Vetted:
        """The whole work for most bodies; only the first part where the decode has a thread of its own."""
        started = time.perf_counter()
        content_hash = hashlib.sha256(body).hexdigest()
        header = read_header(body, self._formats)
        if isinstance(header, FetchReason):
            self._metrics.decoded("other", DecodePath.REFUSED, time.perf_counter() - started)
            return DecodedBody(content_hash, None, header)
        refused = self._limits.judge(header)
        seconds = time.perf_counter() - started
        if refused is not None:
            self._metrics.decoded(_label(header), DecodePath.REFUSED, seconds)
            return DecodedBody(content_hash, header, refused)
        self._metrics.accepted(len(body), header.width * header.height)
        vetted = _Vetted(body, content_hash, header, seconds)
        has_own_thread = header.format in SANDBOXED or header.width * header.height > LARGE_PIXELS
        return vetted if has_own_thread else self._finish(vetted, side)

    def _finish(self, vetted: _Vetted, side: int) -> DecodedBody:
        started = time.perf_counter()
        if vetted.header.format in SANDBOXED:
            views = self._sandbox.views(vetted.body, side)
            path = DecodePath.REFUSED if isinstance(views, FetchReason) else DecodePath.FALLBACK
        else:
            views, path = try_views(vetted.body, vetted.header, side)
        seconds = vetted.seconds + time.perf_counter() - started
        self._metrics.decoded(_label(vetted.header), path, seconds)
        return DecodedBody(vetted.content_hash, vetted.header, views)


def _formats_off(settings: ImageSettings) -> set[ImageFormat]:
    is_on = {ImageFormat.AVIF: settings.avif_bytes > 0, ImageFormat.HEIC: settings.heic}
    return {image_format for image_format, on in is_on.items() if not on}


def _label(header: ImageHeader) -> str:
    return header.format.value.lower()
