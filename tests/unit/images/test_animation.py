# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from consumer.images.animation import is_animated_gif
from consumer.images.png import is_animated_png
from consumer.images.sniff import ImageHeader, read_header
from tests.unit.images.drawn import encoded, exif, shirt

GIF_HEAD = b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0, 0, 0)
GIF_FRAME = b"," + struct.pack("<HHHHB", 0, 0, 64, 64, 0) + b"\x02" + b"\x01\x2c\x00"
COMMENT = b"!\xfe\x02,,\x00"


def is_animated(body: bytes) -> bool:
    header = read_header(body)
    assert isinstance(header, ImageHeader)
    return header.animated


def film(name: str, frames: int) -> bytes:
    pictures = [Image.new("RGB", (64, 64), (10 * number, 40, 80)) for number in range(frames)]
    return encoded(pictures[0], name, save_all=True, append_images=pictures[1:])


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_a_still_picture_is_not_animated(name: str) -> None:
    assert not is_animated(encoded(shirt(64, 64), name))


@pytest.mark.parametrize("frames", [2, 30])
@pytest.mark.parametrize("name", ["PNG", "GIF", "WEBP", "AVIF"])
def test_a_film_is_animated(name: str, frames: int) -> None:
    assert is_animated(film(name, frames))


def test_an_extended_webp_may_be_still() -> None:
    body = encoded(shirt(64, 64), "WEBP", exif=exif(6))

    assert body[12:16] == b"VP8X"
    assert not is_animated(body)


@pytest.mark.parametrize(
    ("blocks", "is_one"),
    [
        (GIF_FRAME + b";", False),
        (GIF_FRAME + GIF_FRAME + b";", True),
        (COMMENT + GIF_FRAME + COMMENT + b";", False),
        (COMMENT + GIF_FRAME + COMMENT + GIF_FRAME, True),
        (GIF_FRAME + b"\0\0" + GIF_FRAME, True),
        (GIF_FRAME + b";" + GIF_FRAME, False),
        (GIF_FRAME + b",", True),
        (GIF_FRAME, False),
        (GIF_FRAME[:5], False),
        (b"", False),
    ],
)
def test_a_gif_is_animated_where_a_second_frame_begins(blocks: bytes, is_one: bool) -> None:  # noqa: FBT001
    assert is_animated_gif(GIF_HEAD + blocks) is is_one


def test_colour_tables_are_no_blocks() -> None:
    table = b",;!" * 8  # of 8 colours
    head = GIF_HEAD[:10] + b"\x82" + GIF_HEAD[11:]
    frame = GIF_FRAME[:9] + b"\x82" + table + GIF_FRAME[10:]

    assert not is_animated_gif(head + table + frame + b";")
    assert is_animated_gif(head + table + frame + frame)


def test_only_the_chunks_before_the_data_animate_a_png() -> None:
    still, control = encoded(shirt(64, 64), "PNG"), struct.pack(">I4sIII", 8, b"acTL", 2, 0, 0)
    data = still.index(b"IDAT") - 4

    assert is_animated(still[:data] + control + still[data:])
    assert not is_animated(still[:-12] + control + still[-12:])
    assert not is_animated(still[:data])


@pytest.mark.parametrize(
    "blocks",
    [b"," + bytes(9) + b"\x02" + b"\x01\x01" * 4_000_000, bytes(8_000_000), b"!\xfe\0" * 3_000_000],
    ids=["data", "nothing", "extensions"],
)
def test_millions_of_gif_blocks_end_at_once(blocks: bytes) -> None:
    started = time.process_time()

    assert not is_animated_gif(GIF_HEAD + blocks)
    assert time.process_time() - started < 0.1


def test_a_gif_of_thousands_of_frames_is_left_at_the_second() -> None:
    started = time.process_time()

    assert is_animated_gif(GIF_HEAD + GIF_FRAME * 500_000)
    assert time.process_time() - started < 0.1


def test_a_million_png_chunks_end_at_once() -> None:
    started = time.process_time()

    assert not is_animated_png(encoded(shirt(64, 64), "PNG")[:33] + struct.pack(">I4sI", 0, b"tEXt", 0) * 1_000_000)
    assert time.process_time() - started < 0.1


@given(st.binary())
def test_no_bytes_make_it_raise(rest: bytes) -> None:
    assert is_animated_gif(b"GIF89a" + rest) in {True, False}
    assert is_animated_png(b"\x89PNG\r\n\x1a\n" + rest) in {True, False}
