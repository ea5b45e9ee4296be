# SPDX-License-Identifier: Apache-2.0
"""Finished offsets beyond the frontier as offset metadata: `h1.` + base85(zlib(bits)), bit i = offset frontier + i.

The broker takes metadata shorter than `offset.metadata.max.bytes` (4,096 by default) and fails the whole transaction
otherwise. 19,000 offsets fit into 3/4 of that in any pattern; long runs of finished offsets take almost nothing.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

#: Version of the format. Metadata with another prefix is not ours, or from another time.
PREFIX = "h1."

#: No map of ours expands to more, so that a foreign one cannot fill the memory.
MAX_BITS_BYTES = 1 << 20
MAX_SPAN = 8 * MAX_BITS_BYTES

_ONE = ord("1")
#: More offsets than this for each finished one: few bits to set, in much memory.
_SPARSE = 8

#: zlib's header, checksum and block heads at most, before base85.
_ZLIB_OVERHEAD_BYTES = 32


class ForeignMetadata(ValueError):
    """The metadata is no bitmap of ours. Ignoring it can only repeat work, never lose any."""


def encode(frontier: int, end: int, done: Collection[int]) -> str:
    """Metadata that says which offsets, all >= `frontier` and < `end`, are finished; empty when none is."""
    if not done:
        return ""
    span = end - frontier
    bits = _sparse_bits(frontier, done) if span > _SPARSE * len(done) else _dense_bits(frontier, span, done)
    return PREFIX + base64.b85encode(zlib.compress(bits.rstrip(b"\0"), 1)).decode()


def decode(frontier: int, metadata: str | None) -> set[int]:
    """The finished offsets that `encode` was given. Raises ForeignMetadata."""
    if not metadata:
        return set()
    if not metadata.startswith(PREFIX):
        raise ForeignMetadata("unknown prefix")
    try:
        bits = _inflate(base64.b85decode(metadata.removeprefix(PREFIX)))
    except (ValueError, zlib.error) as error:
        raise ForeignMetadata(str(error)) from error
    return {frontier + (at << 3) + bit for at, byte in enumerate(bits) if byte for bit in range(8) if byte >> bit & 1}


def largest_bytes(span: int) -> int:
    """No pattern of `span` offsets takes more bytes than this."""
    return len(PREFIX) + (span // 8 + 1 + _ZLIB_OVERHEAD_BYTES) * 5 // 4 + 5


def _dense_bits(frontier: int, span: int, done: Collection[int]) -> bytes:
    # Written as a number in base 2, which Python reads much faster than it sets bits: three times and more.
    digits = bytearray(b"0") * span
    for offset in done:
        digits[offset - frontier] = _ONE
    digits.reverse()
    return int(digits, 2).to_bytes(span // 8 + 1, "little")


def _sparse_bits(frontier: int, done: Collection[int]) -> bytearray:
    # A compacted topic may jump by millions: no longer than needed, and an eighth of the memory.
    bits = bytearray((max(done) - frontier) // 8 + 1)
    for offset in done:
        index = offset - frontier
        bits[index >> 3] |= 1 << (index & 7)
    return bits


def _inflate(compressed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    bits = inflater.decompress(compressed, MAX_BITS_BYTES)
    if not inflater.eof:
        raise ForeignMetadata("too long or cut off")
    return bits
