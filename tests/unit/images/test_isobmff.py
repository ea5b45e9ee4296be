# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.events import FetchReason
from consumer.images.isobmff import read_codec, read_size
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
    ("brands", "codec"),
    [
        (b"avif" + bytes(4), "AVIF"),
        (b"avis" + bytes(4) + b"msf1", "AVIF"),
        (b"mif1" + bytes(4) + b"miafavif", "AVIF"),
        (b"heic" + bytes(4) + b"mif1avif", "AVIF"),
        (b"mif1" + bytes(4) + b"miafheic", "HEIC"),
        *((brand + bytes(4), "HEIC") for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")),
        (b"isom" + b"avif" + b"mp41", None),
        (b"isom" + b"heic" + b"mp41", None),
        (b"isom" + bytes(4) + b"av01hvc1mp41", None),
        (b"is" + b"avif" + b"om", None),
        (b"mif1" + bytes(4) + b"miaf", None),
        (b"", None),
    ],
)
def test_the_brands_decide(brands: bytes, codec: str | None) -> None:
    assert read_codec(box(b"ftyp", brands)) == codec


MIF1 = box(b"ftyp", b"mif1" + bytes(4) + b"miaf")


def items(*infe: bytes, version: int = 0) -> bytes:
    """A file of pictures in any codec, with these items."""
    count = len(infe).to_bytes(4 if version else 2, "big")
    return MIF1 + box(b"meta", bytes(4) + box(b"iinf", bytes([version, 0, 0, 0]) + count + b"".join(infe)))


def infe(kind: bytes, *, version: int = 2) -> bytes:
    number = (1).to_bytes(4 if version > 2 else 2, "big")
    return box(b"infe", bytes([version, 0, 0, 0]) + number + bytes(2) + kind + b"name\0")


@pytest.mark.image_rule(12)
@pytest.mark.parametrize(
    ("file", "codec"),
    [
        (items(infe(b"av01")), "AVIF"),
        (items(infe(b"hvc1"), infe(b"Exif")), "HEIC"),
        (items(infe(b"grid"), infe(b"hvc1")), "HEIC"),
        (items(infe(b"hvc1"), infe(b"av01")), "AVIF"),
        (items(infe(b"hvc1", version=3), version=1), "HEIC"),
        (items(infe(b"hvc1"))[:-1], "HEIC"),
        (items(infe(b"jpeg"), infe(b"vvc1")), None),
        (items(box(b"infe", b"")), None),
        (items(box(b"infe", bytes([2, 0, 0, 0]) + bytes(4) + b"hv") + box(b"skip", b"c1")), None),
        (items(infe(b"hvc1").replace(b"infe", b"skip")), None),
        (MIF1 + box(b"meta", bytes(4) + box(b"hdlr", bytes(20))), None),
        (MIF1 + box(b"meta", bytes(4) + box(b"iinf", b"")), None),
        (items(infe(b"hvc1")).replace(b"mif1", b"isom"), None),
    ],
)
def test_where_the_brands_leave_it_open_the_items_decide(file: bytes, codec: str | None) -> None:
    assert read_codec(file) == codec


@pytest.mark.parametrize(
    ("brands", "is_one"),
    [(b"avif", False), (b"heic", False), (b"avis", True), (b"avif" + bytes(4) + b"msf1", True), (b"hevc", True)],
)
def test_brands_tell_a_sequence(brands: bytes, is_one: bool) -> None:  # noqa: FBT001
    header = read_header(box(b"ftyp", brands.ljust(8, b"\0")) + meta(ispe(70, 50)))

    assert isinstance(header, ImageHeader)
    assert header.animated is is_one


def test_the_largest_item_is_judged() -> None:
    properties = ispe(160, 120) + box(b"pixi", b"\x03\x08\x08\x08") + ispe(4000, 3000) + ispe(512, 512)

    assert read_size(FTYP + box(b"free", bytes(9)) + meta(properties) + box(b"mdat", bytes(50))) == (4000, 3000)


def test_long_and_open_ended_boxes_are_read() -> None:
    long = struct.pack(">I4sQ", 1, b"mdat", 16 + 30) + bytes(30)
    open_ended = struct.pack(">I4s", 0, b"mdat") + bytes(30)

    assert read_size(FTYP + long + meta(ispe(70, 50)) + open_ended) == (70, 50)


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
    assert read_size(body) is FetchReason.UNDECODABLE


@pytest.mark.parametrize("wrap", [meta, bytes], ids=["inside", "outside"])
def test_a_million_boxes_end_at_once(wrap: type[bytes]) -> None:
    body = FTYP + wrap(box(b"free", b"") * 1_000_000)
    started = time.process_time()

    assert read_size(body) is FetchReason.UNDECODABLE
    assert time.process_time() - started < 0.1


@given(st.binary(), st.binary())
def test_no_bytes_make_it_raise(outer: bytes, inner: bytes) -> None:
    for body in (FTYP + outer, FTYP + meta(inner), FTYP + meta(ispe(70, 50) + inner) + outer):
        assert isinstance(read_size(body), tuple | FetchReason)
    for file in (MIF1 + outer, items(inner), items(box(b"infe", inner))):
        assert read_codec(file) in {None, "AVIF", "HEIC"}
