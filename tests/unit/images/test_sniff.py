# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
import sys
import time
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.events import FetchReason
from consumer.images import sniff
from consumer.images.sniff import ALL_FORMATS, ImageFormat, ImageHeader, read_header
from tests.unit.images.drawn import black_webp, encoded, exif, jpeg, shirt

if TYPE_CHECKING:
    import re


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def frame(marker: int = 0xC0, *, bits: int = 8, width: int = 70, height: int = 50, components: int = 3) -> bytes:
    return segment(marker, struct.pack(">BHHB", bits, height, width, components) + b"\x01\x11\x00" * components)


def test_a_jpeg_tells_size_components_bits_and_orientation() -> None:
    assert read_header(jpeg(shirt(61, 83))) == ImageHeader(ImageFormat.JPEG, 61, 83, components=3, bits=8)
    assert read_header(jpeg(shirt(61, 83), orientation=6)) == ImageHeader(ImageFormat.JPEG, 61, 83, 3, 8, 6)
    assert read_header(jpeg(shirt(61, 83).convert("L"), progressive=True)) == ImageHeader(
        ImageFormat.JPEG, 61, 83, 1, 8
    )
    assert read_header(jpeg(shirt(61, 83).convert("CMYK"))) == ImageHeader(ImageFormat.JPEG, 61, 83, 4, 8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_read_in_both_byte_orders(order: str, orientation: int) -> None:
    header = read_header(b"\xff\xd8" + segment(0xE1, exif(orientation, order=order)) + frame())

    assert isinstance(header, ImageHeader)
    assert header.orientation == orientation


@pytest.mark.parametrize(
    "payload",
    [
        exif(0),
        exif(9),
        exif(6, kind=4),
        exif(6)[:20],
        b"Exif\x00\x00",
        b"Exif\x00\x00XX\x00*" + bytes(8),
        b"Exif\x00\x00MM\x00*\xff\xff\xff\xff\xff\xff",
    ],
)
def test_nonsense_in_exif_means_upright(payload: bytes) -> None:
    header = read_header(b"\xff\xd8" + segment(0xE1, payload) + frame())

    assert isinstance(header, ImageHeader)
    assert header.orientation == 1


def test_the_first_exif_segment_counts_and_xmp_does_not() -> None:
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00<tiff:Orientation>3</tiff:Orientation>")
    header = read_header(b"\xff\xd8" + xmp + segment(0xE1, exif(8)) + segment(0xE1, exif(2)) + frame())

    assert isinstance(header, ImageHeader)
    assert header.orientation == 8


def test_padding_and_bytes_between_segments_are_skipped_as_libjpeg_does() -> None:
    body = b"\xff\xd8\xff\xff\xff\xfe\x00\x04ab\x00noise\xff\x00\xff\xd0\xff\xff" + frame()[1:]

    assert read_header(body) == ImageHeader(ImageFormat.JPEG, 70, 50, 3, 8)


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC9, 0xCA, 0xCB, 0xCF])
def test_lossless_hierarchical_and_arithmetic_jpegs_are_unsupported(marker: int) -> None:
    assert read_header(b"\xff\xd8" + frame(marker)) is FetchReason.UNSUPPORTED_FORMAT


def test_a_jpeg_that_ends_before_its_frame_is_truncated() -> None:
    body = jpeg(shirt(61, 83), orientation=6)
    start = body.index(b"\xff\xc0")

    assert {read_header(body[:length]) for length in range(3, start + 10)} == {FetchReason.TRUNCATED}


@pytest.mark.parametrize("marker", [0xD9, 0xDA])
def test_a_jpeg_without_a_frame_is_undecodable(marker: int) -> None:
    assert read_header(b"\xff\xd8" + segment(marker, b"")) is FetchReason.UNDECODABLE


def test_a_million_empty_segments_end_at_once() -> None:
    body = b"\xff\xd8" + segment(0xFE, b"") * 2_000_000
    started = time.process_time()

    assert read_header(body) is FetchReason.UNDECODABLE
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize("hidden_behind", [b"", b"\xff\x01\xff\xff", b"\xff\xd0\xff\xff", segment(0xFE, b"\xff\xd9")])
def test_a_jpeg_of_very_many_scans_is_not_decoded(hidden_behind: bytes) -> None:
    whole = jpeg(shirt(61, 83), progressive=True)
    last_scan = hidden_behind + whole[whole.rindex(b"\xff\xda") : -2]

    assert whole.count(b"\xff\xda") == 10
    assert isinstance(read_header(whole[:-2] + last_scan * 10 + whole[-2:]), ImageHeader)
    assert read_header(whole[:-2] + last_scan * 11 + whole[-2:]) is FetchReason.UNDECODABLE


class Recorded:
    """A pattern that keeps how many bytes each search was given."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self._pattern = pattern
        self.searched: list[int] = []

    def search(self, body: bytes, start: int = 0, end: int = sys.maxsize) -> re.Match[bytes] | None:
        self.searched.append(min(end, len(body)) - start)
        return self._pattern.search(body, start, end)


@pytest.mark.parametrize("name", ["_MARKER", "_SEGMENT"])
@pytest.mark.parametrize("fill", [b"\xff\xff", b"\xff\x00", b"\x00\x00"])
def test_no_search_for_a_marker_keeps_other_threads_waiting(
    name: str, fill: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(getattr(sniff, name))
    monkeypatch.setattr(sniff, name, recorded)
    start = b"\xff\xd8" + (segment(0xFE, b"") if name == "_MARKER" else frame())

    read_header(start + fill * 500_000)

    assert sum(recorded.searched) > 1_000_000
    assert max(recorded.searched) <= 70_000


@pytest.mark.parametrize("distance", range(65_530, 65_542))
def test_a_marker_is_found_wherever_it_lies(distance: int) -> None:
    fill = b"\xff\x00" * (distance // 2) + b"\x00" * (distance % 2)

    assert isinstance(read_header(b"\xff\xd8" + segment(0xFE, b"") + fill + frame()), ImageHeader)
    whole = jpeg(shirt(61, 83))
    start = whole.index(b"\xff\xda")
    header = read_header(whole[:start] + fill + whole[start:])
    assert isinstance(header, ImageHeader)
    assert header.scans == 1


def test_only_a_jpeg_of_one_sequential_scan_is_said_to_be_one() -> None:
    whole, progressive = jpeg(shirt(61, 83)), jpeg(shirt(61, 83), progressive=True)
    scan = whole[whole.index(b"\xff\xda") :]

    headers = [read_header(body) for body in (whole, whole + scan, whole[:-2] + scan, progressive)]

    frame = whole.index(b"\xff\xc0") + 2
    assert [isinstance(header, ImageHeader) and header.sequential_frame for header in headers] == [
        frame,
        frame,
        None,
        None,
    ]


def test_what_follows_the_end_of_a_jpeg_is_not_counted_as_scans() -> None:
    film = bytes(10_000) + b"\xff\xda" * 500

    assert isinstance(read_header(jpeg(shirt(61, 83)) + film), ImageHeader)


@pytest.mark.image_rule(10)
@pytest.mark.parametrize(
    ("name", "options"),
    [("PNG", {}), ("GIF", {}), ("WEBP", {"lossless": True}), ("WEBP", {"quality": 50}), ("WEBP", {"exif": exif(6)})],
)
def test_other_formats_tell_their_size(name: str, options: dict[str, object]) -> None:
    assert read_header(encoded(shirt(61, 83), name, **options)) == ImageHeader(ImageFormat(name), 61, 83)


@pytest.mark.parametrize("name", ["PNG", "GIF", "WEBP"])
def test_other_formats_cut_in_their_header_are_truncated(name: str) -> None:
    assert read_header(encoded(shirt(61, 83), name)[:14][: 8 if name == "GIF" else 14]) is FetchReason.TRUNCATED


def png_chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("kind", [b"prVt", b"IDAT", b"tEXt"])
@pytest.mark.parametrize("is_after_the_data", [False, True])
def test_a_png_of_very_many_chunks_is_not_decoded(kind: bytes, *, is_after_the_data: bool) -> None:
    whole = encoded(shirt(61, 83), "PNG")
    at = len(whole) - 12 if is_after_the_data else whole.index(b"IDAT") - 4
    started = time.process_time()

    assert isinstance(read_header(whole[:at] + png_chunk(kind) * 9_990 + whole[at:]), ImageHeader)
    assert read_header(whole[:at] + png_chunk(kind) * 800_000 + whole[at:]) is FetchReason.UNDECODABLE
    assert time.process_time() - started < 0.5


def test_a_png_has_one_colour_profile() -> None:
    whole = encoded(shirt(61, 83), "PNG")
    profile = png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1 << 20)))

    assert isinstance(read_header(whole[:33] + profile + whole[33:]), ImageHeader)
    assert read_header(whole[:33] + profile * 2 + whole[33:]) is FetchReason.UNDECODABLE
    assert read_header(whole[:33] + profile + whole[33:-12] + profile + whole[-12:]) is FetchReason.UNDECODABLE


@pytest.mark.image_rule(13)
def test_the_28_byte_webp_of_268_megapixels_tells_its_size() -> None:
    body = black_webp(16383, 16383)

    assert len(body) == 28
    assert read_header(body) == ImageHeader(ImageFormat.WEBP, 16383, 16383)


@pytest.mark.image_rule(12)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xd8",
        b"<!doctype html><title>Not found</title>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"II*\x00" + bytes(40),
        b"%!PS-Adobe-3.0",
        b"8BPS\x00\x01",
        b"\x00\x00\x00\x18ftypmif1" + bytes(4) + b"mif1miaf",
        b"\x00\x00\x00\x14ftypisom" + bytes(4) + b"mp41" + b"\0\0\0\x14free" + b"avif" * 3,
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"\x00\x00\x01\x00",
    ],
)
def test_everything_else_is_unsupported(body: bytes) -> None:
    assert read_header(body) is FetchReason.UNSUPPORTED_FORMAT


@pytest.mark.image_rule(12)
@pytest.mark.parametrize("length", [24, 40, 400])
def test_a_format_that_is_off_is_unsupported_even_where_it_is_broken(length: int) -> None:
    body = (b"\x00\x00\x00\x18ftypheic" + bytes(4) + b"mif1heic").ljust(length, b"\0")

    assert read_header(body) is not FetchReason.UNSUPPORTED_FORMAT
    assert read_header(body, ALL_FORMATS - {ImageFormat.HEIC}) is FetchReason.UNSUPPORTED_FORMAT


@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X", b""]), st.binary())
def test_no_bytes_make_it_raise(start: bytes, rest: bytes) -> None:
    assert isinstance(read_header(start + rest), ImageHeader | FetchReason)
