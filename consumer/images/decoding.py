# SPDX-License-Identifier: Apache-2.0
"""A body from outside -> its views, or the reason why it has none. Never raises, whatever the bytes are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from consumer.events import FetchReason
from consumer.images.pillow import reason_of
from consumer.images.pixels import fast_views, slow_views
from consumer.images.sniff import ALL_FORMATS, SANDBOXED, ImageHeader, read_header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = structlog.get_logger()


#: Pixels x scans of a JPEG: 40 megapixels in the ten scans of usual progressive files. More scans, up to the 20 that
#: any size may have, are for smaller pictures.
#: Seconds of CPU of the slowest files found that pass, of 10 MiB or less, at 8 and at 40 megapixels (one of each, on a
#: slow core): JPEG 1.4 and 1.6, PNG 0.5 and 2.5, WebP 0.7 and 2.5, GIF 0.2 and 0.9.
_MAX_SCANNED_PIXELS = 400_000_000


@dataclass(frozen=True, slots=True)
class PixelLimits:
    """Sizes that are decoded at all; read from the header, before any decoder sees the body."""

    max_pixels: int = 40_000_000
    max_side_px: int = 16_384
    min_side_px: int = 32

    def judge(self, header: ImageHeader) -> FetchReason | None:
        """Why a picture of this size is not decoded; None when it is."""
        width, height = header.width, header.height
        if width * height > self.max_pixels or max(width, height) > self.max_side_px:
            return FetchReason.TOO_MANY_PIXELS
        if width * height * header.scans > _MAX_SCANNED_PIXELS:
            return FetchReason.UNDECODABLE
        return FetchReason.TOO_SMALL if min(width, height) < self.min_side_px else None


DEFAULT_LIMITS = PixelLimits()


class DecodePath(StrEnum):
    """Which way a body took: the metric's label. JPEGs on the fallback are in CMYK, or refused by the fast decoder."""

    FAST = "fast"
    FALLBACK = "fallback"
    REFUSED = "refused"


def decode(body: bytes, side: int, limits: PixelLimits = DEFAULT_LIMITS) -> NDArray[np.uint8] | FetchReason:
    """`views` of a body, or why there are none; what wants a process of its own (AVIF, HEIC) is unsupported here."""
    header = read_header(body, ALL_FORMATS - SANDBOXED)
    if isinstance(header, FetchReason):
        return header
    if refused := limits.judge(header):
        return refused
    return try_views(body, header, side)[0]


def try_views(body: bytes, header: ImageHeader, side: int) -> tuple[NDArray[np.uint8] | FetchReason, DecodePath]:
    """`views` of a body whose size was judged, or `truncated` or `undecodable`."""
    try:
        fast = fast_views(body, header, side)
        if fast is not None:
            return fast, DecodePath.FAST
        return slow_views(body, header, side), DecodePath.FALLBACK
    except Exception as error:  # noqa: BLE001  # decoders raise far more than they document, MemoryError included
        reason = reason_of(error)
        log.debug("image_not_decoded", format=header.format.value, reason=reason.value, error=type(error).__name__)
        return reason, DecodePath.REFUSED
