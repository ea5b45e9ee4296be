# SPDX-License-Identifier: Apache-2.0
"""Arrays that never change under this version of the pixel code: models learnt from them."""

from __future__ import annotations

import hashlib
import struct
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from consumer.images.decoding import PixelLimits, decode
from consumer.images.pixels import PIXELS_VERSION, slow_views
from consumer.images.sniff import ImageHeader, read_header
from tests.unit.images.drawn import cmyk_profile, encoded, exif

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SIDE = 224
GOLDEN = Path(__file__).parent / "golden"


def stored(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


def sha256(body: bytes) -> str:
    array = decode(body, SIDE, PixelLimits(min_side_px=1))
    assert isinstance(array, np.ndarray), array
    return hashlib.sha256(array.tobytes()).hexdigest()


def waves(width: int, height: int, channels: int) -> NDArray[np.uint8]:
    """A picture of integers alone: no encoder and no drawing routine has a say in it."""
    y, x, channel = np.ogrid[:height, :width, :channels]
    return np.asarray((x * (3 + channel) + y * (5 - channel) + x * y // 97) % 256, np.uint8)


def of(mode: str, width: int, height: int) -> Image.Image:
    array = waves(width, height, len(mode))
    return Image.fromarray(array[..., 0] if len(mode) == 1 else array)


def deep_grey() -> Image.Image:
    return Image.fromarray(waves(300, 400, 1)[..., 0].astype(np.uint16) * 257 + 13)


def palette() -> Image.Image:
    image = of("L", 300, 400).convert("P")
    image.putpalette([value for index in range(256) for value in (index, 255 - index, index * 7 % 256)])
    return image


def turned(orientation: int) -> bytes:
    body = stored("orientation-6-640x451.jpg")
    start = body.index(b"Exif\0\0")
    order = "<" if body[start + 6 : start + 8] == b"II" else ">"
    old, new = (struct.pack(f"{order}HHIH", 0x0112, 3, 1, value) for value in (6, orientation))
    assert body.count(old) == 1
    return body.replace(old, new)


def with_profile() -> bytes:
    profile = b"ICC_PROFILE\0\1\1" + cmyk_profile((150, 160, 90))
    body = stored("cmyk-200x150.jpg")
    return body[:2] + b"\xff\xe2" + struct.pack(">H", len(profile) + 2) + profile + body[2:]


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("cmyk-200x150.jpg", "e42c5e69c05b3027af6b1065367ab1d4111236b2d1bbb6d71105c81e31fc5b01"),
        ("grey-500x500.jpg", "b8a4ec845933e28a85d51a52ec3edc5339bf413f65bcbde1f8a96727853cbc40"),
        ("half-641x480.jpg", "af8fc0fdd78cdaa7f76b17fed4232d1d983029e1ecdcc8596ca84db1bcaa56e3"),
        ("medium-300x400.jpg", "6b6770da79601fca00e774f69b50d226cee10756493dd5c88ab2c71d8ecd1390"),
        ("orientation-6-640x451.jpg", "8395becbf008be59201673cdc0ebaeebb1f92d8195105739ce55aa6e3d5d017b"),
        ("progressive-899x333.jpg", "438316c9f468397e661811e37a2b970f2c6ebab15aa9c6bb49f51a6f62ca2722"),
        ("quarter-1000x1333.jpg", "7aee09fa5ec10b31cf6901e3c117838de88ff50db90727a39b92a28ff44e117e"),
        ("small-60x80.jpg", "17b469cef1ee4211830707e80713f38cb89546c12ae4db1e482e212bf4eaeee6"),
    ],
)
def test_a_jpegs_array_never_changes_under_this_version(name: str, digest: str) -> None:
    assert PIXELS_VERSION == "pixels/v1"
    assert sha256(stored(name)) == digest


BUILT: dict[str, tuple[Callable[[], bytes], str]] = {
    "png": (
        lambda: encoded(of("RGB", 641, 480), "PNG"),
        "58401a440a80f5ff82f70ccd91735e1a425190f29e138c3f61a3a7cb8eea0b47",
    ),
    "png of one column": (
        lambda: encoded(of("RGB", 1, 80), "PNG"),
        "0be7085fbd00075c69dc0033b03e1ec628d15ef0e5db329a506c7b2cb110fc3b",
    ),
    "png of one long row": (
        lambda: encoded(of("RGB", 5000, 1), "PNG"),
        "d9a3f6be91a83b31efc5e76c9bbaeaa1c0c12a4a8672de1064ab6daae5827462",
    ),
    "png, 16 bits of grey": (
        lambda: encoded(deep_grey(), "PNG"),
        "33aca92eaded75ad1310cfe4ab0b12149aff335ce1ed5a9958c5269208352f2a",
    ),
    "png, alpha": (
        lambda: encoded(of("RGBA", 300, 400), "PNG"),
        "259772d567b450a180166e8fdec45e9b81d9f49e6755cacc4501991dccdf44f3",
    ),
    "png, grey with alpha": (
        lambda: encoded(of("LA", 300, 400), "PNG"),
        "373243efb72b265153d7b5530cc6b5f3559d543ebe4a10cb70728766fad38be2",
    ),
    "png, a clear colour": (
        lambda: encoded(palette(), "PNG", transparency=7),
        "c2c5c19c3827d4034a6a7fa5ac2d1a2c62619ff5677723d0739aa7971782f976",
    ),
    "png, on its side": (
        lambda: encoded(of("RGB", 641, 480), "PNG", exif=exif(8)),
        "17d499520531b75ae6944b030c486fb550824ab337f7fc50a5d32512d55757bd",
    ),
    "gif, a clear colour": (
        lambda: encoded(palette(), "GIF", transparency=7),
        "c2c5c19c3827d4034a6a7fa5ac2d1a2c62619ff5677723d0739aa7971782f976",
    ),
    "webp, alpha": (
        lambda: encoded(of("RGBA", 300, 400), "WEBP", lossless=True, exact=True),
        "259772d567b450a180166e8fdec45e9b81d9f49e6755cacc4501991dccdf44f3",
    ),
    "jpeg, CMYK with a profile": (with_profile, "441c75a8a3bb54cacc5dfc8488ff9cbde514dd694c9481f52e548a9ea0d27651"),
    **{
        f"jpeg, orientation {number}": (partial(turned, number), digest)
        for number, digest in enumerate(
            (
                "dc2b5842d50222a9e2e7176df1e718d0e9716a50663800c437ac06c24d0d6724",
                "588b94d63fd2c56346c4ca2b158026d9c910ded0fb7c4a7eb81d54664c176ace",
                "f3fb42f74698ab7b32cb4d5b9f524377b95dce02d27b4622f65a8c082ff19e70",
                "660028b97a0477bd63a6ede9a557dc3b18a43016bb851c6f68c7338c559a972a",
                "d10f62a45506b678c3a235544a2edee6b2fc72da59f03ea5eede7e69e79f9b00",
                "8395becbf008be59201673cdc0ebaeebb1f92d8195105739ce55aa6e3d5d017b",
                "e524fd5270309a2b09bc60e39a26247d0781dc2e049e84300374ee0f09c51b7f",
                "deabfb1c8f2d3fc860b81438beff5d4b3046d3d975a6f30136818dcdcc9f21e9",
            ),
            1,
        )
    },
}


@pytest.mark.parametrize(("build", "digest"), BUILT.values(), ids=BUILT)
def test_a_pictures_array_never_changes_under_this_version(build: Callable[[], bytes], digest: str) -> None:
    assert sha256(build()) == digest


def test_what_pillow_makes_of_a_jpeg_never_changes_under_this_version() -> None:
    """The way of JPEGs that the fast decoder refuses."""
    body = stored("quarter-1000x1333.jpg")
    header = read_header(body)
    assert isinstance(header, ImageHeader)

    digest = hashlib.sha256(slow_views(body, header, SIDE).tobytes()).hexdigest()

    assert digest == "6143886664b8f059fd0a5ca55e652dbed9ae52e6c0e61ec87fb991f2fbe3925a"
