# SPDX-License-Identifier: Apache-2.0
"""Bytes of a picture -> the two views a model sees. Frozen under `PIXELS_VERSION`: training and serving share it.

A JPEG's array must never change under one version: a new rule is a new version, kept beside this one while a shipped
bundle names it. `tests/unit/images/golden` holds the arrays' hashes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import simplejpeg
from PIL import Image

from consumer.images.pillow import open_with_pillow
from consumer.images.sniff import ImageFormat, ImageHeader

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXELS_VERSION = "pixels/v1"

_WHITE = 255
#: libjpeg scales by n/8 while decoding. Only 2/8 and 4/8 are fast; 8/8 is the full picture.
_FULL = 8
_SCALES = (2, 4)


def views(body: bytes, header: ImageHeader, side: int) -> NDArray[np.uint8]:
    """uint8 [2, side, side, 3], RGB, upright: the whole picture, then the detail.

    The whole keeps its aspect ratio: longest side = `side`, bicubic, centred on white. The detail is the centre at
    native resolution: a square of min(side, 60 % of the short side), enlarged only when smaller than `side`.
    A function of the bytes and `side` alone. Raises whatever the decoder raises; the caller has judged the size.
    """
    fast = fast_views(body, header, side)
    return slow_views(body, header, side) if fast is None else fast


def fast_views(body: bytes, header: ImageHeader, side: int) -> NDArray[np.uint8] | None:
    """`views` of a plain JPEG by libjpeg; None for every other file, and for those that it refuses.

    Two decodes: a scaled one is enough for the whole, and spares the resize most of its work.
    """
    if header.format is not ImageFormat.JPEG or header.bits != 8 or header.components not in {1, 3}:  # noqa: PLR2004
        return None
    try:
        return _jpeg_views(body, header, side)
    except ValueError:
        return None  # simplejpeg refuses what libjpeg only warns of; Pillow still tells truncated files


def slow_views(body: bytes, header: ImageHeader, side: int) -> NDArray[np.uint8]:
    """`views` by Pillow: of everything else. Raises what Pillow raises."""
    picture, orientation = open_with_pillow(body, header)
    return _compose(picture, np.asarray(picture), _FULL, orientation, side)


def _jpeg_views(body: bytes, header: ImageHeader, side: int) -> NDArray[np.uint8]:
    eighths = scale_for(header.width, header.height, side)
    small = _decode_jpeg(body, header, eighths)
    full = small if eighths == _FULL else _decode_down_to_detail(body, header, side)
    return _compose(Image.fromarray(small), full, eighths, header.orientation, side)


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


#: Rows of the tallest block of samples that a JPEG is coded in, and that smooth colours with the rows beside them.
_BLOCK_ROWS = 32


def _decode_down_to_detail(body: bytes, header: ImageHeader, side: int) -> NDArray[np.uint8]:
    """The full picture, whose rows below the detail may be left undefined: decoding them is 40 % of the work.

    For that the decoder is given a frame header with fewer rows; it warns that the data goes on behind them. That the
    data is whole to its end is known: the scaled decode has read it and complained of nothing.
    """
    rows = (header.height + side) // 2 + 2 * _BLOCK_ROWS
    frame = header.sequential_frame
    if frame is None or rows >= header.height:
        return _decode_jpeg(body, header, _FULL)
    shorter = b"".join((body[: frame + 3], rows.to_bytes(2, "big"), body[frame + 5 :]))
    if simplejpeg.decode_jpeg_header(shorter)[:2] != (rows, header.width):
        raise ValueError("the decoder reads another frame")
    picture = np.empty((header.height, header.width, 3), np.uint8)
    simplejpeg.decode_jpeg(shorter, "RGB", buffer=picture[:rows], strict=False)
    return picture


def _compose(
    small: Image.Image, full: NDArray[np.uint8], eighths: int, orientation: int, side: int
) -> NDArray[np.uint8]:
    both = np.full((2, side, side, 3), _WHITE, np.uint8)
    height, width = full.shape[:2]
    whole = upright(_shrink(small, (width, height), eighths, side), orientation)
    top, left = (side - whole.shape[0]) // 2, (side - whole.shape[1]) // 2
    both[0, top : top + whole.shape[0], left : left + whole.shape[1]] = whole
    both[1] = _centre(upright(full, orientation), side)
    return both


def _shrink(picture: Image.Image, size: tuple[int, int], eighths: int, side: int) -> NDArray[np.uint8]:
    """The picture, scaled by n/8 from `size`, with its longest side at `side`.

    The float box is where the picture really ends: libjpeg rounds up, and resizing the rounded picture would shift
    everything by up to half a pixel.
    """
    long_side = max(size)
    target = [max(1, (2 * length * side + long_side) // (2 * long_side)) for length in size]
    right, bottom = (length * eighths / _FULL for length in size)
    resized = picture.resize((target[0], target[1]), Image.Resampling.BICUBIC, (0, 0, right, bottom))
    return np.asarray(resized)


def detail_window(width: int, height: int, side: int) -> int:
    """Side of the square in the middle of an upright picture that the second view shows, in its own pixels."""
    return max(1, min(side, min(height, width) * 6 // 10))


def _centre(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The middle at native resolution, as a square of `side`; a smaller window is enlarged."""
    height, width = picture.shape[:2]
    window = detail_window(width, height, side)
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
