# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from triton_models.training.datasets import CLOTHING_DATASET, FASHION_PRODUCT_IMAGES, LabelledProduct
from triton_models.training.view_rules import ViewKind, kind_of, middle_of

SKIN, RED, GREY = (224, 172, 140), (190, 20, 60), (170, 170, 175)
SHIRT = {"masterCategory": "Apparel", "subCategory": "Topwear"}
TROUSERS = {"masterCategory": "Apparel", "subCategory": "Bottomwear"}
SAREE = {"masterCategory": "Apparel", "subCategory": "Saree"}
STOLE = {"masterCategory": "Accessories", "subCategory": "Stoles"}
SHOE = {"masterCategory": "Footwear", "subCategory": "Shoes"}

Box = tuple[int, int, int, int]


def product(labels: dict[str, str], dataset: str = FASHION_PRODUCT_IMAGES, key: str = "1") -> LabelledProduct:
    return LabelledProduct(dataset, key, "", "", labels, ())


def drawn(ground: str | tuple[int, int, int], *boxes: tuple[Box, tuple[int, int, int]]) -> Image.Image:
    picture = Image.new("RGB", (60, 80), ground)
    for box, colour in boxes:
        ImageDraw.Draw(picture).rectangle(box, fill=colour)
    return picture


FACE, TORSO = ((25, 4, 35, 19), SKIN), ((15, 20, 45, 79), RED)
FLAT_SHIRT = ((15, 20, 45, 60), RED)
BOTH_LEGS = (((20, 0, 40, 60), RED), ((22, 61, 38, 72), SKIN))


@pytest.mark.parametrize("labels", [SHIRT, STOLE])
def test_a_face_above_a_body_that_goes_on_below_the_picture_is_a_model(labels: dict[str, str]) -> None:
    assert kind_of(product(labels), drawn("white", FACE, TORSO)) is ViewKind.ON_MODEL
    assert kind_of(product(labels), drawn(GREY, FACE, TORSO)) is ViewKind.ON_MODEL


def test_a_body_that_is_cut_off_above_is_a_model_where_the_product_is_worn_from_the_waist() -> None:
    assert kind_of(product(TROUSERS), drawn("white", *BOTH_LEGS)) is ViewKind.ON_MODEL
    assert kind_of(product(SHIRT), drawn("white", *BOTH_LEGS)) is None


def test_a_saree_with_a_face_is_worn_though_it_stands_free() -> None:
    free = drawn("white", FACE, FLAT_SHIRT)

    assert kind_of(product(SAREE), free) is ViewKind.ON_MODEL
    assert kind_of(product(SHIRT), free) is None


def test_a_garment_without_skin_on_white_lies_alone() -> None:
    assert kind_of(product(SHIRT), drawn("white", FLAT_SHIRT)) is ViewKind.WHITE_BACKGROUND
    assert kind_of(product(SHIRT), drawn((240, 240, 240), FLAT_SHIRT)) is ViewKind.WHITE_BACKGROUND


def test_a_garment_of_the_colour_of_skin_is_no_example() -> None:
    assert kind_of(product(SHIRT), drawn("white", (FLAT_SHIRT[0], SKIN))) is None


def test_the_colour_of_skin_says_nothing_of_what_nobody_is_shown_with() -> None:
    assert kind_of(product(SHOE), drawn("white", (FLAT_SHIRT[0], SKIN))) is ViewKind.WHITE_BACKGROUND


def test_a_product_alone_on_another_ground_is_unknown() -> None:
    assert kind_of(product(SHIRT), drawn(GREY, FLAT_SHIRT)) is ViewKind.UNKNOWN
    assert kind_of(product(SHOE), drawn(GREY, FLAT_SHIRT)) is ViewKind.UNKNOWN


def test_a_ground_between_white_and_another_is_no_example() -> None:
    half = drawn("white", ((0, 0, 29, 79), GREY), FLAT_SHIRT)

    assert kind_of(product(SHIRT), half) is None
    assert kind_of(product({"label": "Shirt"}, CLOTHING_DATASET), half) is None


def test_a_shoe_that_is_cut_off_is_no_example() -> None:
    assert kind_of(product(SHOE), drawn("white", TORSO)) is None


def test_home_photos_are_unknown_unless_their_edges_are_white() -> None:
    home = product({"label": "Shirt"}, CLOTHING_DATASET)

    assert kind_of(home, drawn((120, 90, 60), FLAT_SHIRT)) is ViewKind.UNKNOWN
    assert kind_of(home, drawn("white", FLAT_SHIRT)) is None


def test_a_large_photo_is_judged_as_a_small_one() -> None:
    large = drawn("white", FACE, TORSO).resize((360, 480))

    assert kind_of(product(SHIRT), large) is ViewKind.ON_MODEL


def checked(ground: tuple[int, int, int], size: tuple[int, int]) -> Image.Image:
    """No two places look alike."""
    pixels = np.random.default_rng(1).integers(0, 120, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels + np.array(ground, dtype=np.uint8))


def test_a_detail_is_the_middle_in_its_own_pixels_or_shrunk() -> None:
    photo = checked((100, 100, 100), (360, 480))
    made = [(number, middle_of(product(SHIRT, key=str(number)), photo)) for number in range(25)]
    sizes = {middle.size for _, middle in made if middle}

    assert len(sizes) > 10
    assert {width > height for width, height in sizes} == {True, False}
    assert any(max(size) <= 80 for size in sizes)
    assert any(max(size) > 80 for size in sizes)
    own = [middle for _, middle in made if middle and max(middle.size) > 80]
    for middle in own:
        left, top = (360 - middle.width) // 2, (480 - middle.height) // 2
        assert middle.tobytes() == photo.crop((left, top, left + middle.width, top + middle.height)).tobytes()


def test_a_detail_follows_from_the_product() -> None:
    photo = checked((100, 100, 100), (360, 480))
    first, again = (middle_of(product(SHIRT), photo) for _ in range(2))

    assert first is not None
    assert again is not None
    assert first.tobytes() == again.tobytes()


def test_no_detail_is_made_of_a_small_photo_or_of_one_that_shows_its_ground() -> None:
    assert middle_of(product(SHIRT), checked((100, 100, 100), (60, 80))) is None
    assert middle_of(product(SHIRT), Image.new("RGB", (360, 480), "white")) is None


def test_details_of_home_photos_are_made_of_what_covers_the_middle() -> None:
    photo = checked((100, 100, 100), (400, 400))

    assert middle_of(product({"label": "Hoodie"}, CLOTHING_DATASET), photo) is not None
    assert middle_of(product({"label": "Pants"}, CLOTHING_DATASET), photo) is None
