# SPDX-License-Identifier: Apache-2.0
"""Pictures drawn at test time, and their files."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image, ImageDraw


def shirt(width: int, height: int) -> Image.Image:
    """A red shirt on grey: large flat areas, some edges, no two corners alike."""
    image = Image.new("RGB", (width, height), (240, 240, 236))
    canvas = ImageDraw.Draw(image)
    outline = [(0.3, 0.15), (0.7, 0.15), (0.95, 0.4), (0.73, 0.5), (0.73, 0.9), (0.27, 0.9), (0.27, 0.5), (0.05, 0.35)]
    canvas.polygon([(x * width, y * height) for x, y in outline], fill=(178, 34, 52))
    canvas.rectangle((0.4 * width, 0.3 * height, 0.5 * width, 0.4 * height), fill=(20, 60, 200))
    return image


def jpeg(image: Image.Image, *, orientation: int | None = None, **options: object) -> bytes:
    """`image` as a JPEG file, with an EXIF segment where an orientation is given."""
    if orientation is not None:
        options["exif"] = exif(orientation)
    return encoded(image, "JPEG", **{"quality": 90, **options})


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    """`image` as a file of Pillow's format `name`."""
    body = io.BytesIO()
    image.save(body, name, **options)
    return body.getvalue()


def exif(orientation: int, *, order: str = ">", kind: int = 3) -> bytes:
    """An EXIF segment that holds nothing but the orientation."""
    mark = b"MM\x00*" if order == ">" else b"II*\x00"
    value = struct.pack(f"{order}HHIHHI", 0x0112, kind, 1, orientation, 0, 0)
    return b"Exif\x00\x00" + mark + struct.pack(f"{order}IH", 8, 1) + value


def with_frame_size(body: bytes, width: int, height: int) -> bytes:
    """A JPEG whose baseline frame header claims another size."""
    frame = body.index(b"\xff\xc0")
    return body[: frame + 5] + struct.pack(">HH", height, width) + body[frame + 9 :]


def vertical_line(width: int, height: int, column: int) -> Image.Image:
    """A black line, one pixel wide, on white."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[:, column] = 0
    return Image.fromarray(pixels)


def cmyk_profile(lab: tuple[int, int, int]) -> bytes:
    """An ICC profile (version 2, one 8-bit table) that takes every CMYK colour for this one of Lab, in 0-255 each."""
    ramp = bytes(range(256))
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + bytes(lab) * 2**4 + ramp * 3
    tags = struct.pack(">I4sII", 1, b"A2B0", 128 + 16, len(table))
    size = 128 + len(tags) + len(table)
    head = struct.pack(">I4xI4s4s4s12x4s", size, 0x02400000, b"prtr", b"CMYK", b"Lab ", b"acsp")
    d50 = struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    return (head + bytes(68 - len(head)) + d50).ljust(128, b"\0") + tags + table


def with_item_size(body: bytes, width: int, height: int) -> bytes:
    """An AVIF or HEIC whose items all claim another size."""
    head, *rest = body.split(b"ispe")
    return b"ispe".join([head, *(part[:4] + struct.pack(">II", width, height) + part[12:] for part in rest)])


def black_webp(width: int, height: int) -> bytes:
    """28 bytes for any size up to 16,384: no transforms, and five prefix codes of one symbol each (RFC 9649)."""
    codes = sum(1 << 3 + 4 * number for number in range(5))
    lossless = b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14) + codes.to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 20) + b"WEBPVP8L" + struct.pack("<I", 8) + lossless
