# SPDX-License-Identifier: Apache-2.0
"""Photos of made-up products in the sizes and formats that shops use."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from consumer.catalogue.photo import draw
from consumer.catalogue.products import make_products

_SEED = 7
#: Grey levels of the grain that is laid over the enlarged drawing: it has no more detail of its own than 320 px.
_GRAIN = 5.0


@dataclass(frozen=True, slots=True)
class Kind:
    """Files of one row."""

    width: int
    height: int
    name: str
    """`JPEG`, `progressive`, `PNG`, `WEBP` or `AVIF`."""
    max_bytes: int | None = None
    """Of a JPEG: the best quality below it. None: quality 80."""


def files(kind: Kind, count: int) -> list[bytes]:
    """The same ones every time."""
    photos = (photo for product in make_products(4 * count, _SEED) for photo in product.photos)
    return [_file(_enlarged(draw(next(photos)), kind, number), kind) for number in range(count)]


def _enlarged(drawing: bytes, kind: Kind, number: int) -> Image.Image:
    picture = Image.open(io.BytesIO(drawing)).resize((kind.width, kind.height), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(number).normal(0, _GRAIN, (kind.height, kind.width, 1))
    return Image.fromarray((np.asarray(picture) + grain).clip(0, 255).astype(np.uint8))


def _file(picture: Image.Image, kind: Kind) -> bytes:
    if kind.name in {"JPEG", "progressive"}:
        return _jpeg(picture, kind)
    options = {"PNG": {"compress_level": 6}, "WEBP": {"quality": 80, "method": 2}, "AVIF": {"quality": 60, "speed": 8}}
    return _encoded(picture, kind.name, **options[kind.name])


def _jpeg(picture: Image.Image, kind: Kind) -> bytes:
    is_progressive = kind.name == "progressive"
    if kind.max_bytes is None:
        return _encoded(picture, "JPEG", quality=80, progressive=is_progressive)
    for quality in range(95, 10, -1):
        body = _encoded(picture, "JPEG", quality=quality, progressive=is_progressive)
        if len(body) <= kind.max_bytes:
            return body
    raise ValueError(f"no quality is below {kind.max_bytes} bytes")


def _encoded(picture: Image.Image, name: str, **options: object) -> bytes:
    body = io.BytesIO()
    picture.save(body, name, **options)
    return body.getvalue()
