# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from consumer.catalogue.colours import contrasting
from consumer.catalogue.fabric import PATTERNS
from consumer.catalogue.outlines import trace
from consumer.catalogue.photo import HEIGHT, WIDTH, Look, Photo, draw
from consumer.catalogue.products import GARMENTS

RED = (196, 30, 42)


def photo_of(garment_name: str, *, pattern: str = "solid", is_worn: bool = False) -> Photo:
    (garment,) = (garment for garment in GARMENTS if garment.name == garment_name)
    return Photo(
        look=Look(garment, RED, pattern, contrasting(RED), pattern_scale=20, skin=1),
        is_worn=is_worn,
        zoom=1,
        angle=0,
        is_mirrored=False,
        background=(254, 254, 254),
        light=1,
        seed=5,
    )


def pixels(photo: Photo) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(Image.open(io.BytesIO(draw(photo))))


@pytest.mark.parametrize("garment", [garment.name for garment in GARMENTS])
def test_every_garment_is_drawn_large_and_in_its_colour(garment: str) -> None:
    drawn = pixels(photo_of(garment)).astype(int)

    reddish = (drawn[..., 0] > 90) & (drawn[..., 0] > 2 * drawn[..., 1])
    assert drawn.shape == (HEIGHT, WIDTH, 3)
    assert 0.03 < reddish.mean() < 0.7
    assert drawn[4, 4].min() > 230


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_adds_a_second_colour(pattern: str) -> None:
    plain, patterned = pixels(photo_of("tee")), pixels(photo_of("tee", pattern=pattern))

    changed = np.abs(plain.astype(int) - patterned).max(axis=2) > 40
    assert 0.02 < changed.mean() < 0.3


def test_the_same_photo_has_the_same_bytes_and_another_has_others() -> None:
    photo = photo_of("dress", pattern="checks", is_worn=True)

    assert draw(photo) == draw(photo)
    assert draw(photo) != draw(replace(photo, seed=6))


def test_a_close_up_leaves_nothing_of_the_paper() -> None:
    close = pixels(replace(photo_of("jacket"), zoom=2.4)).astype(int)

    assert (close.min(axis=2) > 200).mean() < 0.05


def test_a_worn_garment_shows_skin() -> None:
    bare, worn = pixels(photo_of("tee")), pixels(photo_of("tee", is_worn=True))

    skin = np.abs(worn.astype(int) - (204, 152, 114)).max(axis=2) < 40
    assert skin.mean() > 0.02
    assert not np.array_equal(bare, worn)


def test_an_unknown_command_in_an_outline_is_refused() -> None:
    with pytest.raises(ValueError, match="'Z'"):
        trace("M 1,1 Z")
