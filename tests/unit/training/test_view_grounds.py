# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from triton_models.training.datasets import FASHION_PRODUCT_IMAGES, LabelledProduct
from triton_models.training.view_grounds import floor_of, reframed
from triton_models.training.view_rules import ViewKind

RED, FLOOR = (190, 20, 60), (90, 60, 30)
#: Enough that each chance is taken.
PRODUCTS = 30


def product(number: int) -> LabelledProduct:
    return LabelledProduct(FASHION_PRODUCT_IMAGES, str(number), "", "", {}, ())


@pytest.fixture(scope="module")
def ring() -> Image.Image:
    """A red ring on white; what it encloses is white as well."""
    picture = Image.new("RGB", (60, 80), "white")
    ImageDraw.Draw(picture).rectangle((20, 24, 40, 56), outline=RED, width=5)
    return picture


def made(picture: Image.Image, kind: ViewKind) -> list[tuple[Image.Image, ViewKind]]:
    floors = [Image.new("RGB", (15, 20), FLOOR)]
    found = [reframed(product(number), picture, kind, floors) for number in range(PRODUCTS)]
    return [frame for frame in found if frame]


def corners(picture: Image.Image) -> set[tuple[int, ...]]:
    pixels = np.asarray(picture)
    return {tuple(int(level) for level in pixels[row, column]) for row in (0, -1) for column in (0, -1)}


def test_a_product_stays_what_it_is_on_white_alone(ring: Image.Image) -> None:
    frames = made(ring, ViewKind.WHITE_BACKGROUND)

    assert len(frames) == PRODUCTS
    for picture, kind in frames:
        is_white = corners(picture) == {(255, 255, 255)}
        assert kind is (ViewKind.WHITE_BACKGROUND if is_white else ViewKind.UNKNOWN)
    assert {kind for _, kind in frames} == {ViewKind.WHITE_BACKGROUND, ViewKind.UNKNOWN}


def test_grounds_are_white_floors_and_colours_that_are_not_white(ring: Image.Image) -> None:
    grounds = {colour for picture, _ in made(ring, ViewKind.WHITE_BACKGROUND) for colour in corners(picture)}

    assert {(255, 255, 255), FLOOR} < grounds
    assert all(min(colour) < 235 for colour in grounds - {(255, 255, 255)})


def test_what_the_product_encloses_stays_white(ring: Image.Image) -> None:
    for picture, _ in made(ring, ViewKind.WHITE_BACKGROUND):
        pixels = np.asarray(picture).astype(int)
        reds = np.argwhere(np.abs(pixels - RED).max(2) < 10)
        row, column = reds.mean(0).round().astype(int)

        assert pixels[row, column].min() > 250


def test_a_person_stays_one_and_may_lose_the_face(ring: Image.Image) -> None:
    frames = made(ring, ViewKind.ON_MODEL)

    assert {kind for _, kind in frames} == {ViewKind.ON_MODEL}
    assert {picture.height for picture, _ in frames} == {80, 68, 60}
    assert {picture.height for picture, _ in made(ring, ViewKind.WHITE_BACKGROUND)} == {80}


def test_frames_have_several_shapes(ring: Image.Image) -> None:
    assert {picture.width for picture, _ in made(ring, ViewKind.WHITE_BACKGROUND)} == {60, 80, 120}


@pytest.mark.parametrize("kind", [ViewKind.DETAIL, ViewKind.UNKNOWN])
def test_other_kinds_stay_where_they_are(ring: Image.Image, kind: ViewKind) -> None:
    assert made(ring, kind) == []


def test_without_white_sides_nothing_tells_the_ground() -> None:
    assert made(Image.new("RGB", (60, 80), FLOOR), ViewKind.ON_MODEL) == []


def test_without_home_photos_there_are_colours(ring: Image.Image) -> None:
    frames = [reframed(product(number), ring, ViewKind.ON_MODEL, ()) for number in range(5)]

    assert all(frames)


def test_a_floor_is_a_corner() -> None:
    assert floor_of(Image.new("RGB", (400, 300), FLOOR)).size == (100, 75)
