# SPDX-License-Identifier: Apache-2.0
"""Format and size of a picture from its first bytes. Decodes nothing, so a bomb costs no more than its header."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from consumer.events import FetchReason
from consumer.images.animation import is_animated_gif, is_animated_webp
from consumer.images.isobmff import is_sequence, read_codec, read_size
from consumer.images.png import is_animated_png, is_bearable_png

if TYPE_CHECKING:
    from collections.abc import Callable, Container


class ImageFormat(StrEnum):
    """Formats that can be decoded. The values are Pillow's names; for HEIC the one that the sandbox gives it."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    GIF = "GIF"
    AVIF = "AVIF"
    HEIC = "HEIC"


#: Coded as video, and decoded in a process of their own: docs/decisions/0016-avif-process.md.
SANDBOXED = frozenset({ImageFormat.AVIF, ImageFormat.HEIC})
ALL_FORMATS = frozenset(ImageFormat)


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What a file says of itself. Width and height are as stored, before the orientation is applied.

    Of an AVIF or HEIC they are those of its largest item.
    """

    format: ImageFormat
    width: int
    height: int
    components: int = 0
    """Of a JPEG's frame; 0 for other formats."""
    bits: int = 0
    """Per sample of a JPEG's frame; 0 for other formats."""
    orientation: int = 1
    """EXIF orientation 1-8 of a JPEG; 1 for other formats."""
    animated: bool = False
    """Whether more frames follow the first, as far as that is told quickly. The first is the picture."""
    scans: int = field(default=1, compare=False)
    """Times that a JPEG's decoder goes over the picture."""
    sequential_frame: int | None = field(default=None, compare=False)
    """Where the frame header lies in a JPEG whose rows come one after the other, in one scan; else None."""


def read_header(body: bytes, formats: Container[ImageFormat] = ALL_FORMATS) -> ImageHeader | FetchReason:
    """The header, or why there is none: `unsupported_format`, `truncated` or `undecodable`.

    The content type and the name of the file have no say. SVG, TIFF and the rest are unsupported, and so are formats
    that are not among `formats`, whole or broken.
    """
    image_format = _read_format(body)
    if image_format is None or image_format not in formats:
        return FetchReason.UNSUPPORTED_FORMAT
    try:
        return _READERS[image_format](body)
    except struct.error:
        return FetchReason.TRUNCATED


_SIGNATURES = (
    (re.compile(rb"\xff\xd8\xff"), ImageFormat.JPEG),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), ImageFormat.PNG),
    (re.compile(rb"GIF8[79]a"), ImageFormat.GIF),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), ImageFormat.WEBP),
)


def _read_format(body: bytes) -> ImageFormat | None:
    for signature, image_format in _SIGNATURES:
        if signature.match(body):
            return image_format
    codec = read_codec(body)
    return ImageFormat(codec) if codec else None


#: As libjpeg looks for the next marker: anything between segments is skipped, 0xFF may repeat.
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_WITHOUT_LENGTH = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
_APP1, _EOI, _SOS = 0xE1, 0xD9, 0xDA
#: Baseline, extended and progressive Huffman: what browsers show. The others (lossless, hierarchical, arithmetic).
_PROGRESSIVE = 0xC2
_FRAMES = frozenset({0xC0, 0xC1, _PROGRESSIVE})
_OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: A 10 MiB file has at most 160 full segments; millions of empty ones are an attack on this loop.
_MAX_SEGMENTS = 1000
#: Encoders write some ten, a dozen and a half where they optimise. A scan may be 57 bytes that go over every block: a
#: file of 10 MiB would decode for hours.
_MAX_SCANS = 20
_SEGMENT = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd8])")
#: Searched at once. Meanwhile no other thread runs, nor the event loop: 10 MiB of 0xFF would stop all for 0.3 s.
_SEARCHED_BYTES = 64 << 10


def _read_jpeg(body: bytes) -> ImageHeader | FetchReason:
    position, orientation = 2, None
    for _ in range(_MAX_SEGMENTS):
        found = _search(_MARKER, body, position)
        if found is None:
            return FetchReason.TRUNCATED
        marker, position = found[1][0], found.end()
        if marker in _WITHOUT_LENGTH:
            continue
        if marker in _OTHER_FRAMES:
            return FetchReason.UNSUPPORTED_FORMAT
        if marker in {_EOI, _SOS}:
            return FetchReason.UNDECODABLE
        if marker in _FRAMES:
            return _read_frame(body, position, marker, orientation or 1)
        (length,) = struct.unpack_from(">H", body, position)
        if marker == _APP1 and orientation is None and body.startswith(_EXIF, position + 2):
            orientation = read_orientation(body[position + 2 : position + length])
        position += max(2, length)
    return FetchReason.UNDECODABLE


def _read_frame(body: bytes, position: int, marker: int, orientation: int) -> ImageHeader | FetchReason:
    bits, height, width, components = struct.unpack_from(">xxBHHB", body, position)
    scans = _count_scans(body, position)
    if scans > _MAX_SCANS:
        return FetchReason.UNDECODABLE
    frame = position if marker != _PROGRESSIVE and scans == 1 else None
    return ImageHeader(
        ImageFormat.JPEG, width, height, components, bits, orientation, scans=scans, sequential_frame=frame
    )


def _search(marker: re.Pattern[bytes], body: bytes, position: int) -> re.Match[bytes] | None:
    """The first marker from there on, searched for in pieces, each with the first byte of the next."""
    for start in range(position, len(body), _SEARCHED_BYTES):
        if found := marker.search(body, start, start + _SEARCHED_BYTES + 1):
            return found
    return None


def _count_scans(body: bytes, position: int) -> int:
    """Scans behind the frame header at `position`; too many where there are more segments than any encoder writes."""
    scans = 0
    for _ in range(_MAX_SEGMENTS):
        (length,) = struct.unpack_from(">H", body, position)
        found = _search(_SEGMENT, body, position + max(2, length))
        if found is None or found[1][0] == _EOI:
            return scans
        position = found.end()
        scans += found[1][0] == _SOS
        if scans > _MAX_SCANS:
            break
    return _MAX_SCANS + 1


_EXIF = b"Exif\x00\x00"
_ORIENTATION, _SHORT = 0x0112, 3


def read_orientation(exif: bytes) -> int:
    """Orientation 1-8 of an EXIF block, with or without its prefix; 1 where it is absent or nonsense."""
    tiff = exif.removeprefix(_EXIF)
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(entries):
            tag, kind, count, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and count == 1 and value in range(1, 9) else 1
    except struct.error:
        pass
    return 1


def _read_png(body: bytes) -> ImageHeader | FetchReason:
    name, width, height = struct.unpack_from(">4sII", body, 12)
    if name != b"IHDR" or not is_bearable_png(body):
        return FetchReason.UNDECODABLE
    return ImageHeader(ImageFormat.PNG, width, height, animated=is_animated_png(body))


def _read_webp(body: bytes) -> ImageHeader | FetchReason:
    """Canvas size of the three container forms (RFC 9649, sections 2.5-2.7)."""
    size, kind = struct.unpack_from("<I4x4s", body, 4)
    if 8 + size > len(body):
        return FetchReason.TRUNCATED
    if kind == b"VP8X":
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", body, 24)
        width, height = low_width + (high_width << 16) + 1, low_height + (high_height << 16) + 1
    elif kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", body, 21)
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", body, 26))
    else:
        return FetchReason.UNDECODABLE
    return ImageHeader(ImageFormat.WEBP, width, height, animated=is_animated_webp(body))


def _read_gif(body: bytes) -> ImageHeader:
    width, height = struct.unpack_from("<HH", body, 6)
    return ImageHeader(ImageFormat.GIF, width, height, animated=is_animated_gif(body))


def _read_boxes(body: bytes, image_format: ImageFormat) -> ImageHeader | FetchReason:
    size = read_size(body)
    return size if isinstance(size, FetchReason) else ImageHeader(image_format, *size, animated=is_sequence(body))


_READERS: dict[ImageFormat, Callable[[bytes], ImageHeader | FetchReason]] = {
    ImageFormat.JPEG: _read_jpeg,
    ImageFormat.PNG: _read_png,
    ImageFormat.GIF: _read_gif,
    ImageFormat.WEBP: _read_webp,
    ImageFormat.AVIF: partial(_read_boxes, image_format=ImageFormat.AVIF),
    ImageFormat.HEIC: partial(_read_boxes, image_format=ImageFormat.HEIC),
}
