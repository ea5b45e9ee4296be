# SPDX-License-Identifier: Apache-2.0
"""Whether a GIF or WebP holds an animation. Reads block headers only, of a bounded number of blocks."""

from __future__ import annotations

#: A frame of 10 MiB takes 41,000 of 255 bytes; made of single bytes it would take five million.
_MAX_GIF_BLOCKS = 50_000

_TRAILER, _EXTENSION, _IMAGE = b";!,"
_WEBP_ANIMATION = 0x02


def is_animated_gif(body: bytes) -> bool:
    """Whether a second frame begins. Those of very many blocks, and cut ones, count as still."""
    try:
        return _second_frame_begins(body)
    except IndexError:
        return False


def _second_frame_begins(body: bytes) -> bool:
    position, frames, is_inside = 13 + _table_bytes(body[10]), 0, False
    for _ in range(_MAX_GIF_BLOCKS):
        byte = body[position]
        if is_inside:  # of a frame or an extension: lengths, each with so many bytes, and 0 at the end
            position += 1 + byte
            is_inside = byte > 0
        elif byte == _TRAILER:
            return False
        elif byte == _IMAGE:
            if frames:
                return True
            frames, is_inside = 1, True
            position += 11 + _table_bytes(body[position + 9])
        elif byte == _EXTENSION:
            is_inside = True
            position += 2
        else:
            position += 1  # decoders skip what begins no block
    return False


def _table_bytes(packed: int) -> int:
    """Of the colour table that a descriptor's last bits tell of."""
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def is_animated_webp(body: bytes) -> bool:
    """By the flag of the extended container (RFC 9649, section 2.7)."""
    return body[12:16] == b"VP8X" and bool(body[20] & _WEBP_ANIMATION)
