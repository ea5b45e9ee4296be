# SPDX-License-Identifier: Apache-2.0
"""Codec and size of AVIF and HEIC from their boxes (ISO/IEC 14496-12, 23008-12). Reads box headers only."""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple

from consumer.events import FetchReason

Codec = Literal["AVIF", "HEIC"]
_OF_BRANDS: dict[bytes, Codec] = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "HEIC"),
}
_OF_ITEMS: dict[bytes, Codec] = {b"av01": "AVIF", b"hvc1": "HEIC"}
#: Brands of pictures in any codec: the items tell which.
_ANY_CODEC = frozenset({b"mif1", b"msf1"})
_SEQUENCES = frozenset({b"avis", b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"})
#: Files name some five; each takes four bytes.
_MAX_BRANDS_BYTES = 256
#: Of one container. Encoders write some ten, and one for each tile; a file of 10 MiB could hold a million empty ones.
_MAX_BOXES = 1000


class _Box(NamedTuple):
    kind: bytes
    start: int
    """Of the content."""
    end: int


class _Malformed(Exception):
    """A box that is shorter than its own header or longer than what holds it, one of too many, or one not there."""


def read_codec(body: bytes) -> Codec | None:
    """By the brands in the first box; by the items where those leave it open. None for video files and the rest.

    A file with both codecs is taken for AVIF.
    """
    brands = _brands(body)
    codecs = {_OF_BRANDS[brand] for brand in brands & _OF_BRANDS.keys()}
    if not codecs and brands & _ANY_CODEC:
        codecs = {_OF_ITEMS[kind] for kind in _item_types(body) & _OF_ITEMS.keys()}
    return min(codecs, default=None)


def is_sequence(body: bytes) -> bool:
    """Whether the file holds a film beside its picture."""
    return not _SEQUENCES.isdisjoint(_brands(body))


def read_size(body: bytes) -> tuple[int, int] | FetchReason:
    """Width and height of the largest item, grids included; `truncated` or `undecodable` where there is none.

    The largest, because a file also holds tiles and thumbnails: whatever a decoder takes for the picture, it must not
    be larger.
    """
    try:
        file = _boxes(body, 0, len(body), is_cut=True)
        if file[-1].end > len(body):
            return FetchReason.TRUNCATED
        iprp = _only(_boxes_of_meta(body, file), b"iprp")
        ipco = _only(_boxes(body, iprp.start, iprp.end), b"ipco")
        sizes = [_size(body, box) for box in _boxes(body, ipco.start, ipco.end) if box.kind == b"ispe"]
    except _Malformed:
        return FetchReason.UNDECODABLE
    if not sizes:
        return FetchReason.UNDECODABLE
    return max(sizes, key=lambda size: size[0] * size[1])


def _brands(body: bytes) -> frozenset[bytes]:
    if body[4:8] != b"ftyp":
        return frozenset()
    brands = body[: min(int.from_bytes(body[:4], "big"), _MAX_BRANDS_BYTES)]
    return frozenset(brands[start : start + 4] for start in (8, *range(16, len(brands), 4)))  # 12: a version


def _item_types(body: bytes) -> frozenset[bytes]:
    """Four letters each; none where they cannot be read."""
    try:
        iinf = _only(_boxes_of_meta(body, _boxes(body, 0, len(body), is_cut=True)), b"iinf")
        first = iinf.start + (6 if body[iinf.start] == 0 else 8)  # behind version, flags and a count
        items = [box for box in _boxes(body, first, iinf.end) if box.kind == b"infe"]
    except (_Malformed, IndexError):
        return frozenset()
    return frozenset(_item_type(body, item) for item in items)


def _item_type(body: bytes, item: _Box) -> bytes:
    """Behind version, flags, a number of 2 bytes (4 from version 3) and 2 more; versions 0 and 1 have none."""
    start = item.start + (8 if body[item.start : item.start + 1] == b"\2" else 10)
    return body[start : min(start + 4, item.end)]


def _boxes_of_meta(body: bytes, file: list[_Box]) -> list[_Box]:
    meta = _only(file, b"meta")
    return _boxes(body, meta.start + 4, meta.end)  # behind version and flags


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
