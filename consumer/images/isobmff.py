# SPDX-License-Identifier: Apache-2.0
"""Size of an AVIF from its boxes (ISO/IEC 14496-12; `ispe` is of ISO/IEC 23008-12). Reads box headers only."""

from __future__ import annotations

import struct
from typing import NamedTuple

from consumer.events import FetchReason

_BRANDS = frozenset({b"avif", b"avis"})
#: Files name some five; each takes four bytes.
_MAX_BRANDS_BYTES = 256
#: Of one container. Encoders write some ten; a file of 10 MiB could hold a million empty ones.
_MAX_BOXES = 1000


class _Box(NamedTuple):
    kind: bytes
    start: int
    """Of the content."""
    end: int


class _Malformed(Exception):
    """A box that is shorter than its own header or longer than what holds it, one of too many, or one not there."""


def is_avif(body: bytes) -> bool:
    """Whether the first box names AVIF among the brands, which HEIC and video files do not."""
    if body[4:8] != b"ftyp":
        return False
    brands = body[: min(int.from_bytes(body[:4], "big"), _MAX_BRANDS_BYTES)]
    return any(brands[start : start + 4] in _BRANDS for start in (8, *range(16, len(brands), 4)))  # 12: a version


def read_avif_size(body: bytes) -> tuple[int, int] | FetchReason:
    """Width and height of the largest item, grids included; `truncated` or `undecodable` where there is none.

    The largest, because a file also holds tiles and thumbnails: whatever a decoder takes for the picture, it must not
    be larger.
    """
    try:
        file = _boxes(body, 0, len(body), is_cut=True)
        if file[-1].end > len(body):
            return FetchReason.TRUNCATED
        meta = _only(file, b"meta")
        iprp = _only(_boxes(body, meta.start + 4, meta.end), b"iprp")  # behind version and flags
        ipco = _only(_boxes(body, iprp.start, iprp.end), b"ipco")
        sizes = [_size(body, box) for box in _boxes(body, ipco.start, ipco.end) if box.kind == b"ispe"]
    except _Malformed:
        return FetchReason.UNDECODABLE
    if not sizes:
        return FetchReason.UNDECODABLE
    return max(sizes, key=lambda size: size[0] * size[1])


def _only(boxes: list[_Box], kind: bytes) -> _Box:
    """The box of this kind. A second one could hide sizes from us that a decoder reads."""
    found = [box for box in boxes if box.kind == kind]
    if len(found) != 1:
        raise _Malformed
    return found[0]


def _size(body: bytes, box: _Box) -> tuple[int, int]:
    if box.end - box.start < 12:  # noqa: PLR2004  # version and flags, width, height
        raise _Malformed
    width, height = struct.unpack_from(">II", body, box.start + 4)
    return width, height


def _boxes(body: bytes, start: int, end: int, *, is_cut: bool = False) -> list[_Box]:
    """The boxes between two positions; where the file may be cut, the last one may end beyond. Raises _Malformed."""
    found: list[_Box] = []
    while start < end and len(found) < _MAX_BOXES:
        box = _box(body, start, end)
        found.append(box)
        start = box.end
    if not found or start < end or (start > end and not is_cut):
        raise _Malformed
    return found


def _box(body: bytes, start: int, end: int) -> _Box:
    """The box at a position. A header that is cut stands for a box that is."""
    header = body[start : min(start + 16, end)].ljust(16, b"\0")
    size, kind, long_size = struct.unpack(">I4sQ", header)
    content = start + 8
    if size == 0:  # to the end
        return _Box(kind, content, end) if end - start >= 8 else _Box(b"", end, end + 1)  # noqa: PLR2004
    if size == 1:
        content, size = content + 8, long_size
    if content > start + size:
        raise _Malformed
    return _Box(kind, content, start + size)
