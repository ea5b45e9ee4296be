# SPDX-License-Identifier: Apache-2.0
"""Bytes of a picture -> the two views a model sees. Frozen under `PIXELS_VERSION`: training and serving share it.

A JPEG's array must never change under one version: a new rule is a new version, kept beside this one while a shipped
bundle names it. `tests/unit/images/golden` holds the arrays' hashes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg
import structlog
from PIL import Image

from consumer.events import FetchReason
from consumer.images.pillow import open_with_pillow
from consumer.images.sniff import ImageFormat, ImageHeader, read_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = structlog.get_logger()

PIXELS_VERSION = "pixels/v1"

_WHITE = 255
#: libjpeg scales by n/8 while decoding. Only 2/8 and 4/8 are fast; 8/8 is the full picture.
_FULL = 8
_SCALES = (2, 4)


@dataclass(frozen=True, slots=True)
class PixelLimits:
    """Sizes that are decoded at all; read from the header, before any decoder sees the body."""

    max_pixels: int = 40_000_000
    max_side_px: int = 16_384
    min_side_px: int = 32

    def judge(self, width: int, height: int) -> FetchReason | None:
        """Why a picture of this size is not decoded; None when it is."""
        if width * height > self.max_pixels or max(width, height) > self.max_side_px:
            return FetchReason.TOO_MANY_PIXELS
        return FetchReason.TOO_SMALL if min(width, height) < self.min_side_px else None


DEFAULT_LIMITS = PixelLimits()


def decode(body: bytes, side: int, limits: PixelLimits = DEFAULT_LIMITS) -> NDArray[np.uint8] | FetchReason:
    """`views` of a body from outside, or the reason why it cannot be used. Never raises, whatever the bytes are."""
    header = read_header(body)
    if isinstance(header, FetchReason):
        return header
    if refused := limits.judge(header.width, header.height):
        return refused
    try:
        return views(body, header, side)
    except Exception as error:  # noqa: BLE001  # decoders raise far more than they document, MemoryError included
        reason = FetchReason.TRUNCATED if "truncated" in str(error).lower() else FetchReason.UNDECODABLE
        log.debug("image_not_decoded", format=header.format.value, reason=reason.value, error=type(error).__name__)
        return reason


def views(body: bytes, header: ImageHeader, side: int) -> NDArray[np.uint8]:
    """uint8 [2, side, side, 3], RGB, upright: the whole picture, then the detail.

    The whole keeps its aspect ratio: longest side = `side`, bicubic, centred on white. The detail is the centre at
    native resolution: a square of min(side, 60 % of the short side), enlarged only when smaller than `side`.
    A function of the bytes and `side` alone. Raises whatever the decoder raises; the caller has judged the size.
    """
    if header.format is ImageFormat.JPEG and header.bits == 8 and header.components in {1, 3}:  # noqa: PLR2004
        try:
            return _jpeg_views(body, header, side)
        except ValueError:
            pass  # simplejpeg refuses what libjpeg only warns of; Pillow still tells truncated files
    picture, orientation = open_with_pillow(body, header)
    return _compose(picture, picture, _FULL, orientation, side)


def _jpeg_views(body: bytes, header: ImageHeader, side: int) -> NDArray[np.uint8]:
    """Two decodes: a scaled one is enough for the whole, and spares the resize most of its work."""
    full = _decode_jpeg(body, header, _FULL)
    eighths = scale_for(header.width, header.height, side)
    small = full if eighths == _FULL else _decode_jpeg(body, header, eighths)
    return _compose(small, full, eighths, header.orientation, side)


def scale_for(width: int, height: int, side: int) -> int:
    """The smallest fast n of n/8 whose picture has, in both directions, at least the pixels of the whole view."""
    long_side = max(width, height)
    return next((eighths for eighths in _SCALES if long_side * eighths >= side * _FULL), _FULL)


def scaled_size(width: int, height: int, eighths: int) -> tuple[int, int]:
    """What libjpeg makes of a picture at n/8: both sides rounded up."""
    return -(-width * eighths // _FULL), -(-height * eighths // _FULL)


def _decode_jpeg(body: bytes, header: ImageHeader, eighths: int) -> NDArray[np.uint8]:
    """RGB [height, width, 3] at n/8. Raises ValueError, also where libjpeg reads another size than we judged."""
    if simplejpeg.decode_jpeg_header(body)[:2] != (header.height, header.width):
        raise ValueError("the decoder reads another size")
    width, height = scaled_size(header.width, header.height, eighths)
    picture: NDArray[np.uint8] = simplejpeg.decode_jpeg(body, "RGB", min_width=width, min_height=height)
    if picture.shape != (height, width, 3):
        raise ValueError("the decoder chose another scale")
    return picture


def _compose(
    small: NDArray[np.uint8], full: NDArray[np.uint8], eighths: int, orientation: int, side: int
) -> NDArray[np.uint8]:
    both = np.full((2, side, side, 3), _WHITE, np.uint8)
    height, width = full.shape[:2]
    whole = upright(_shrink(small, (width, height), eighths, side), orientation)
    top, left = (side - whole.shape[0]) // 2, (side - whole.shape[1]) // 2
    both[0, top : top + whole.shape[0], left : left + whole.shape[1]] = whole
    both[1] = _centre(upright(full, orientation), side)
    return both


def _shrink(picture: NDArray[np.uint8], size: tuple[int, int], eighths: int, side: int) -> NDArray[np.uint8]:
    """The picture, scaled by n/8 from `size`, with its longest side at `side`.

    The float box is where the picture really ends: libjpeg rounds up, and resizing the rounded picture would shift
    everything by up to half a pixel.
    """
    long_side = max(size)
    target = [max(1, (2 * length * side + long_side) // (2 * long_side)) for length in size]
    right, bottom = (length * eighths / _FULL for length in size)
    resized = Image.fromarray(picture).resize((target[0], target[1]), Image.Resampling.BICUBIC, (0, 0, right, bottom))
    return np.asarray(resized)


def _centre(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The middle at native resolution, as a square of `side`; a smaller window is enlarged."""
    height, width = picture.shape[:2]
    window = max(1, min(side, min(height, width) * 6 // 10))
    top, left = (height - window) // 2, (width - window) // 2
    crop = picture[top : top + window, left : left + window]
    if window == side:
        return crop
    enlarged = Image.fromarray(np.ascontiguousarray(crop)).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(enlarged)


def upright(picture: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The picture as EXIF orientation 1-8 means it to be seen; a numpy view, nothing is copied."""
    if orientation >= 5:  # noqa: PLR2004  # 5-8 are stored on their side
        picture = picture.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        picture = picture[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        picture = picture[::-1]
    return picture
