# SPDX-License-Identifier: Apache-2.0
"""Files that are small and decode to much, each in a process of its own. None is committed: they are built here."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from consumer.events import FetchReason
from consumer.images.decoding import decode
from tests.unit.images.drawn import black_webp, encoded, jpeg, shirt, with_frame_size, with_item_size

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.image_rule(13)

EXTRA_LIMIT_MB = 50
MEBIBYTE = 1 << 20
FRAMES = 3000


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """8-bit grey."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """Compressed, without ever holding them."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(MEBIBYTE)) for _ in range(count // MEBIBYTE)]
    return b"".join([*parts, packer.compress(bytes(count % MEBIBYTE)), packer.flush()])


def grey_png() -> bytes:
    return png(20_000, 20_000, chunk(b"IDAT", zeros(20_000 * 20_001)))


def png_with_text() -> bytes:
    text = chunk(b"zTXt", b"Comment\0\0" + zeros(256 * MEBIBYTE))
    return png(64, 64, text, chunk(b"IDAT", zeros(64 * 65)))


def progressive_jpeg() -> bytes:
    whole = jpeg(shirt(64, 64), progressive=True)
    frame = whole.index(b"\xff\xc2")
    return whole[: frame + 5] + struct.pack(">HH", 6000, 8000) + whole[frame + 9 :]


def animation(name: str) -> bytes:
    """Black, then frames of grey."""
    frames = [Image.new("L", (64, 64), number % 200) for number in range(FRAMES)]
    return encoded(frames[0], name, save_all=True, append_images=frames[1:])


def gif_of_a_large_screen() -> bytes:
    whole = encoded(Image.new("L", (64, 64)), "GIF")
    return whole[:6] + struct.pack("<HH", 65_535, 65_535) + whole[10:]


def avif() -> bytes:
    return with_item_size(encoded(shirt(64, 64), "AVIF", speed=10), 12_000, 12_000)


def lying_avif() -> bytes:
    return with_item_size(encoded(Image.new("L", (5000, 4000)), "AVIF", speed=10), 64, 48)


def many_scans(side: int, scans: int) -> bytes:
    """Progressive, of ten scans, the last of which comes again and again."""
    whole = jpeg(Image.new("RGB", (side, side)), progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * (scans - 10) + whole[-2:]


def gif_with(junk: bytes) -> bytes:
    whole = encoded(Image.new("L", (64, 64)), "GIF")
    frame = whole.rindex(b",")
    return whole[:frame] + junk + whole[frame:]


def cost(body: bytes, folder: Path) -> dict[str, float | str]:
    file = folder / "bomb"
    file.write_bytes(body)
    script = Path(__file__).parent / "bomb.py"
    done = subprocess.run([sys.executable, script, file], capture_output=True, text=True, check=True, timeout=110)
    answer: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])  # behind lines of the log
    print(f"{len(body)} bytes: {answer}")
    return answer


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (grey_png, FetchReason.TOO_MANY_PIXELS),
        (lambda: with_frame_size(jpeg(shirt(64, 64)), 20_000, 20_000), FetchReason.TOO_MANY_PIXELS),
        (progressive_jpeg, FetchReason.TOO_MANY_PIXELS),
        (lambda: black_webp(16_383, 16_383), FetchReason.TOO_MANY_PIXELS),
        (avif, FetchReason.TOO_MANY_PIXELS),
        (gif_of_a_large_screen, FetchReason.TOO_MANY_PIXELS),
        (png_with_text, FetchReason.UNDECODABLE),
    ],
    ids=["png-400mp", "jpeg-400mp", "progressive-48mp", "webp-268mp", "avif-144mp", "gif-screen", "png-ztxt"],
)
def test_a_bomb_is_refused_and_costs_no_memory(build: Callable[[], bytes], reason: FetchReason, tmp_path: Path) -> None:
    answer = cost(build(), tmp_path)

    assert answer["outcome"] == reason.value
    assert float(answer["peak_mb"]) - float(answer["before_mb"]) < EXTRA_LIMIT_MB


@pytest.mark.parametrize("name", ["PNG", "GIF", "WEBP"])
def test_of_thousands_of_frames_the_first_is_decoded(name: str, tmp_path: Path) -> None:
    answer = cost(animation(name), tmp_path)

    assert answer["outcome"] == "views of mean 0"
    assert float(answer["peak_mb"]) - float(answer["before_mb"]) < EXTRA_LIMIT_MB


def test_an_avif_whose_header_lies_costs_the_consumer_no_memory(tmp_path: Path) -> None:
    answer = cost(lying_avif(), tmp_path)

    assert answer["outcome"] == "views of mean 0"  # decoded, elsewhere
    assert float(answer["peak_mb"]) - float(answer["before_mb"]) < EXTRA_LIMIT_MB


@pytest.mark.parametrize(
    ("width", "height", "is_refused"),
    [
        (8000, 5000, False),
        (8000, 5001, True),
        (16_384, 32, False),
        (16_385, 32, True),
        (32, 16_385, True),
    ],
)
def test_at_the_border_the_size_decides(width: int, height: int, is_refused: bool) -> None:  # noqa: FBT001
    """A header and hardly any data: what passes the size check is found to be cut."""
    refused = FetchReason.TOO_MANY_PIXELS if is_refused else FetchReason.TRUNCATED

    assert decode(png(width, height, chunk(b"IDAT", zeros(1000)))[:-20], 224) is refused


@pytest.mark.parametrize("tiny", [b"!\xfe%b\0", b"%b"], ids=["blocks", "nothing"])
def test_a_file_that_pillow_reads_byte_by_byte_is_left_soon(tiny: bytes) -> None:
    assert not isinstance(decode(gif_with(tiny % (b"\1\0" * 9)), 224), FetchReason)
    body = gif_with(tiny % (b"\1\0" * 5_000_000))
    started = time.process_time()

    assert decode(body, 224) is FetchReason.UNDECODABLE
    assert time.process_time() - started < 0.7  # 0.1; to its end it takes 1.3-2.2


def test_the_more_scans_a_jpeg_has_the_fewer_pixels_it_may_have() -> None:
    assert decode(many_scans(5000, 20), 224) is FetchReason.UNDECODABLE
    assert not isinstance(decode(many_scans(5000, 10), 224), FetchReason)
    assert not isinstance(decode(many_scans(2000, 20), 224), FetchReason)


def test_a_short_side_of_31_is_too_small_and_of_32_is_not() -> None:
    assert decode(black_webp(31, 64), 224) is FetchReason.TOO_SMALL
    assert not isinstance(decode(black_webp(32, 16_384), 224), FetchReason)


def test_the_28_bytes_are_a_valid_picture() -> None:
    views = decode(black_webp(64, 48), 224)

    assert not isinstance(views, FetchReason)
    assert views[1].max() == 0
