# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from consumer.events import FetchReason
from consumer.images.decode_pool import DecodedBody, DecodePool
from consumer.images.pixels import slow_views
from consumer.images.sandbox import Sandbox
from consumer.images.sandbox_process import DECODED
from consumer.images.sniff import ImageFormat, ImageHeader, read_header
from consumer.observability.metrics import Metrics
from consumer.settings import ImageSettings
from tests.integration.images.decoded import SIDE, decoded, distance, pixels
from tests.integration.images.hosts import response, world
from tests.unit.images.drawn import encoded, exif, shirt, with_item_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

pytestmark = pytest.mark.image_rule(12)


def heic(image: Image.Image, **options: Any) -> bytes:
    """`image` as a HEIC file; an EXIF orientation becomes a rotation of the container too."""
    body = io.BytesIO()
    pillow_heif.from_pillow(image).save(body, **{"quality": 95, "chroma": 444, **options})
    return body.getvalue()


def exact_views(image: Image.Image) -> NDArray[np.uint8]:
    """Of a file without loss."""
    return slow_views(encoded(image, "PNG"), ImageHeader(ImageFormat.PNG, *image.size), SIDE)


HEIC = heic(shirt(400, 300))
TRANSPOSED = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""Pillow's Transpose that an orientation of EXIF takes back."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(ImageSettings(heic=True, decode_timeout_s=30))
    yield made
    made.close()


def test_the_pool_decodes_heic_and_counts_it() -> None:
    metrics = Metrics()

    answer = decoded(HEIC, metrics, heic=True)

    assert answer.header == ImageHeader(ImageFormat.HEIC, 400, 300)
    assert distance(pixels(answer.views), exact_views(shirt(400, 300))) < 1.5
    count = metrics.registry.get_sample_value(
        "hangtag_image_decode_seconds_count", {"format": "heic", "path": "fallback"}
    )
    assert count == 1


@pytest.mark.parametrize("length", [len(HEIC), 100], ids=["whole", "cut"])
def test_heic_is_unsupported_until_it_is_switched_on(length: int) -> None:
    assert decoded(HEIC[:length], Metrics()).views is FetchReason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("is_on", [False, True])
async def test_hosts_that_choose_a_format_are_told_of_heic_only_where_it_is_on(is_on: bool) -> None:  # noqa: FBT001
    async with world(heic=is_on) as web:
        assert await web.fetch(response(HEIC, "Content-Type: image/heic")) == HEIC

        ((_, headers),) = web.public.requests
        assert ("image/heic" in headers["accept"].split(", ")) is is_on


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotation_of_the_container_is_applied_once(sandbox: Sandbox, orientation: int) -> None:
    upright = shirt(400, 300)
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(TRANSPOSED[orientation]))
    body = heic(stored, exif=exif(orientation))
    assert (b"irot" in body or b"imir" in body) is (orientation > 1)
    assert exif(orientation)[6:] in body

    assert distance(pixels(sandbox.views(body, SIDE)), exact_views(upright)) < 1.5


def test_an_orientation_that_only_exif_tells_is_not_applied(sandbox: Sandbox) -> None:
    body = heic(shirt(400, 300), exif=exif(1))
    assert body.count(exif(1)[6:]) == 1

    turned = body.replace(exif(1)[6:], exif(6)[6:])  # ISO/IEC 23008-12 leaves it to irot and imir

    assert distance(pixels(sandbox.views(turned, SIDE)), exact_views(shirt(400, 300))) < 1.5


@pytest.mark.parametrize("options", [{"tile_size": 128}, {"chroma": 420}])
def test_a_grid_of_tiles_and_colours_at_half_size_are_decoded(sandbox: Sandbox, options: dict[str, int]) -> None:
    body = heic(shirt(400, 300), **options)
    assert (b"grid" in body) is ("tile_size" in options)

    assert read_header(body) == ImageHeader(ImageFormat.HEIC, 400, 300)
    assert distance(pixels(sandbox.views(body, SIDE)), exact_views(shirt(400, 300))) < 2


@pytest.mark.parametrize("size", [(401, 301), (61, 83)])
def test_what_the_codec_adds_to_odd_sides_is_cut_off_again(sandbox: Sandbox, size: tuple[int, int]) -> None:
    body = heic(shirt(*size), chroma=420)

    assert b"clap" in body
    assert distance(pixels(sandbox.views(body, SIDE)), exact_views(shirt(*size))) < 3


def test_alpha_lies_on_white(sandbox: Sandbox) -> None:
    assert pixels(sandbox.views(heic(Image.new("RGBA", (64, 64), (0, 0, 0, 0))), SIDE)).min() == 255


def test_grey_and_more_than_eight_bits_are_decoded(sandbox: Sandbox) -> None:
    grey, colour = Image.linear_gradient("L"), shirt(256, 256)
    deep_grey, deep_colour = (np.asarray(image).astype(np.uint16) * 257 for image in (grey, colour))
    deep = io.BytesIO()
    pillow_heif.encode("RGB;16", colour.size, deep_colour.tobytes(), deep, quality=95, chroma=444)
    assert pillow_heif.open_heif(deep).info["bit_depth"] == 10

    assert distance(pixels(sandbox.views(heic(grey), SIDE)), exact_views(grey)) < 1.5
    assert distance(pixels(sandbox.views(heic(Image.fromarray(deep_grey)), SIDE)), exact_views(grey)) < 1.5
    assert distance(pixels(sandbox.views(deep.getvalue(), SIDE)), exact_views(colour)) < 1.5


@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_file_cut_anywhere_is_truncated(tenths: int) -> None:
    assert decoded(HEIC[: len(HEIC) * tenths // 10], Metrics(), heic=True).views is FetchReason.TRUNCATED


def test_data_that_is_no_hevc_is_undecodable(sandbox: Sandbox) -> None:
    start = HEIC.index(b"mdat") + 4

    assert sandbox.views(HEIC[:start] + bytes(len(HEIC) - start), SIDE) is FetchReason.UNDECODABLE
    assert pixels(sandbox.views(HEIC, SIDE)).shape == (2, SIDE, SIDE, 3)


@pytest.mark.image_rule(13)
def test_a_header_of_too_many_pixels_is_refused_before_there_is_a_process() -> None:
    async def decode(pool: DecodePool) -> DecodedBody:
        return await pool.decode(with_item_size(HEIC, 12_000, 12_000), SIDE, "acme")

    pool = DecodePool(ImageSettings(heic=True), Metrics())
    try:
        assert asyncio.run(decode(pool)).views is FetchReason.TOO_MANY_PIXELS
        assert pool._sandbox.pid is None
    finally:
        pool.close()


def test_a_stream_larger_than_its_header_says_is_held_by_the_process() -> None:
    lying = with_item_size(heic(Image.new("L", (5000, 4000)), enc_params={"preset": "ultrafast"}), 64, 48)
    assert read_header(lying) == ImageHeader(ImageFormat.HEIC, 64, 48)
    limit = 200 << 20
    sandbox = Sandbox(ImageSettings(heic=True, avif_bytes=limit, decode_timeout_s=30))
    try:
        sandbox.views(lying, SIDE)  # whether it has views is libheif's business
        status = Path(f"/proc/{sandbox.pid}/status").read_text()
        assert pixels(sandbox.views(HEIC, SIDE)).shape == (2, SIDE, SIDE, 3)
    finally:
        sandbox.close()

    (peak_kib,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmPeak"))
    assert peak_kib <= limit >> 10


@pytest.mark.parametrize("is_on", [False, True])
def test_the_decoder_is_loaded_by_the_process_alone_and_only_where_it_is_on(is_on: bool) -> None:  # noqa: FBT001
    program = LOADED.format(is_on=is_on)
    told = subprocess.run(
        [sys.executable, "-c", program], input=encoded(shirt(64, 64), "AVIF"), capture_output=True, check=True
    )

    assert told.stdout.split() == [b"False", str(is_on).encode()]


LOADED = """
import sys
from pathlib import Path
from consumer.images.sandbox import Sandbox
from consumer.settings import ImageSettings
sandbox = Sandbox(ImageSettings(heic={is_on}))
sandbox.views(sys.stdin.buffer.read(), 64)
print('pillow_heif' in sys.modules, 'libheif' in Path('/proc', str(sandbox.pid), 'maps').read_text())
sandbox.close()
"""


def test_a_user_other_than_root_can_decode_it() -> None:
    told = subprocess.run([sys.executable, "-c", CONFINED], input=HEIC, capture_output=True, check=True)

    assert told.stdout == bytes([DECODED])


CONFINED = """
import os, sys
from consumer.images import sandbox_process
body = sys.stdin.buffer.read()
sandbox_process.load_decoders(has_heic=True)
if os.getuid() == 0:
    os.setuid(65534)
sandbox_process.confine(1 << 30, may_start_threads=True)
os.write(1, sandbox_process._answer(body, 64)[:1])
"""
