# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from consumer.images.decoding import decode
from triton_models.training.views import ViewCache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIDE = 48


def photo(shade: int) -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (60, 80), (shade, 90, 200)).save(body, "JPEG")
    return body.getvalue()


def readers(*bodies: bytes) -> dict[str, Callable[[], bytes]]:
    return {hashlib.sha256(body).hexdigest(): lambda body=body: body for body in bodies}  # type: ignore[misc]  # bound now


def fill(folder: Path, *bodies: bytes) -> ViewCache:
    cache = ViewCache(folder, SIDE)
    cache.fill(readers(*bodies), lambda _done, _total: None)
    return cache


def test_views_are_those_of_the_consumer(tmp_path: Path) -> None:
    bodies = [photo(10), photo(240)]
    cache = fill(tmp_path, *bodies)

    for body, row in zip(bodies, cache.rows(readers(*bodies)).values(), strict=True):
        np.testing.assert_array_equal(cache.pixels()[row], decode(body, SIDE))


def test_a_photo_is_decoded_once(tmp_path: Path) -> None:
    fill(tmp_path, photo(1))
    cache = ViewCache(tmp_path, SIDE)

    def fail() -> bytes:
        raise AssertionError("read again")

    cache.fill(dict.fromkeys(readers(photo(1)), fail), lambda _done, _total: None)

    assert len(cache.pixels()) == 1


def test_a_photo_that_cannot_be_decoded_has_no_views(tmp_path: Path) -> None:
    bodies = [photo(3), b"no photo"]

    assert len(fill(tmp_path, *bodies).rows(readers(*bodies))) == 1


def test_what_a_killed_run_left_half_written_is_written_over(tmp_path: Path) -> None:
    fill(tmp_path, photo(5))
    for name, torn in (("views.u8", b"x" * 1000), ("sha256.bin", b"y" * 7)):
        with next(tmp_path.rglob(name)).open("ab") as file:
            file.write(torn)

    cache = fill(tmp_path, photo(200))

    row = cache.rows(readers(photo(200))).popitem()[1]
    np.testing.assert_array_equal(cache.pixels()[row], decode(photo(200), SIDE))
    assert len(ViewCache(tmp_path, SIDE).pixels()) == 2
