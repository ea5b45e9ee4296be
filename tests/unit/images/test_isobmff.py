# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.events import FetchReason
from consumer.images.isobmff import is_avif, read_avif_size
from consumer.images.sniff import ImageFormat, ImageHeader, read_header
from tests.unit.images.drawn import encoded, shirt

FTYP = b"\0\0\0\x18ftypavif\0\0\0\0avifmif1"


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def ispe(width: int, height: int) -> bytes:
    return box(b"ispe", bytes(4) + struct.pack(">II", width, height))


def meta(properties: bytes) -> bytes:
    return box(b"meta", bytes(4) + box(b"hdlr", bytes(20)) + box(b"iprp", box(b"ipco", properties)))


@pytest.mark.image_rule(10)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_an_avif_tells_its_size(mode: str) -> None:
    body = encoded(shirt(61, 83).convert(mode), "AVIF", speed=10)

    assert read_header(body) == ImageHeader(ImageFormat.AVIF, 61, 83)


@pytest.mark.image_rule(12)
@pytest.mark.parametrize(
    ("brands", "is_one"),
    [
        (b"avif" + bytes(4), True),
        (b"avis" + bytes(4) + b"msf1", True),
        (b"mif1" + bytes(4) + b"miafavif", True),
        (b"mif1" + bytes(4) + b"heic", False),
        (b"isom" + b"avif" + b"mp41", False),
        (b"isom" + bytes(4) + b"mp41", False),
        (b"is" + b"avif" + b"om", False),
        (b"", False),
    ],
)
def test_the_brands_decide(brands: bytes, is_one: bool) -> None:  # noqa: FBT001
    assert is_avif(box(b"ftyp", brands)) is is_one


def test_the_largest_item_is_judged() -> None:
    properties = ispe(160, 120) + box(b"pixi", b"\x03\x08\x08\x08") + ispe(4000, 3000) + ispe(512, 512)

    assert read_avif_size(FTYP + box(b"free", bytes(9)) + meta(properties) + box(b"mdat", bytes(50))) == (4000, 3000)


def test_long_and_open_ended_boxes_are_read() -> None:
    long = struct.pack(">I4sQ", 1, b"mdat", 16 + 30) + bytes(30)
    open_ended = struct.pack(">I4s", 0, b"mdat") + bytes(30)

    assert read_avif_size(FTYP + long + meta(ispe(70, 50)) + open_ended) == (70, 50)


@pytest.mark.parametrize("tenths", range(1, 10))
def test_an_avif_cut_anywhere_is_truncated(tenths: int) -> None:
    body = encoded(shirt(400, 300), "AVIF", speed=10)

    assert read_header(body[: len(body) * tenths // 10]) is FetchReason.TRUNCATED


@pytest.mark.parametrize(
    "body",
    [
        FTYP,
        FTYP + box(b"mdat", b""),
        FTYP + meta(b""),
        FTYP + meta(box(b"pixi", b"\x03\x08\x08\x08")),
        FTYP + meta(box(b"ispe", bytes(11))),
        FTYP + meta(ispe(70, 50)) * 2,
        FTYP + box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", ispe(70, 50))) * 2),
        FTYP + meta(struct.pack(">I4s", 7, b"ispe") + ispe(70, 50)),
        FTYP + meta(struct.pack(">I4sQ", 1, b"ispe", 8) + ispe(70, 50)),
        FTYP + meta(struct.pack(">I4sQ", 1, b"free", 1 << 63) + ispe(70, 50)),
        FTYP + meta(ispe(70, 50) + struct.pack(">I4s", 999, b"free")),
        FTYP + meta(ispe(70, 50) + b"\0\0\0"),
        FTYP + box(b"meta", b"\0"),
        FTYP + struct.pack(">I4s", 4, b"free") + meta(ispe(70, 50)),
    ],
)
def test_boxes_that_lie_are_undecodable(body: bytes) -> None:
    assert read_avif_size(body) is FetchReason.UNDECODABLE


@pytest.mark.parametrize("wrap", [meta, bytes], ids=["inside", "outside"])
def test_a_million_boxes_end_at_once(wrap: type[bytes]) -> None:
    body = FTYP + wrap(box(b"free", b"") * 1_000_000)
    started = time.process_time()

    assert read_avif_size(body) is FetchReason.UNDECODABLE
    assert time.process_time() - started < 0.1


@given(st.binary(), st.binary())
def test_no_bytes_make_it_raise(outer: bytes, inner: bytes) -> None:
    for body in (FTYP + outer, FTYP + meta(inner), FTYP + meta(ispe(70, 50) + inner) + outer):
        assert isinstance(read_avif_size(body), tuple | FetchReason)
