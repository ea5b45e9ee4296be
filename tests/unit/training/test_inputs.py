# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from triton_models.training.datasets import FASHION_PRODUCT_IMAGES, LabelledProduct, Photo
from triton_models.training.inputs import photos_for, with_titles_for
from triton_models.training.labels import load_crosswalk
from triton_models.training.shown import Inputs
from triton_models.training.titles import title_words
from triton_models.training.variants import Variant

TITLES = (
    "Turtle Check Men Navy Blue Shirt",
    "Puma Men Black Sports Shoes",
    "",
    "Ilka Women Red Saree",
    "Titan Women Sandals",
)


def products() -> list[LabelledProduct]:
    return [
        LabelledProduct(FASHION_PRODUCT_IMAGES, str(number), "", title, {}, ()) for number, title in enumerate(TITLES)
    ]


def shown(inputs: Inputs) -> list[str]:
    words = title_words(load_crosswalk(FASHION_PRODUCT_IMAGES))
    return [product.title for product in with_titles_for(inputs, products(), words)]


@pytest.mark.parametrize("inputs", [Inputs.ALL, Inputs.PHOTOS_ONLY, Inputs.TITLES_ONLY, Inputs.BLANK_TITLES])
def test_titles_stay_as_they_are_where_nothing_is_said_of_them(inputs: Inputs) -> None:
    assert shown(inputs) == list(TITLES)


def test_bare_titles_name_no_answer() -> None:
    assert shown(Inputs.BARE_TITLES) == ["turtle check", "puma", "", "ilka", "titan"]


def test_useless_titles_are_a_brand_or_a_number_and_none_stays_none() -> None:
    useless = shown(Inputs.USELESS_TITLES)

    assert useless[2] == ""
    for title, before in zip(useless, TITLES, strict=True):
        assert title == "" or title == before.split()[0] or title.startswith("SKU-")
    assert {title.startswith("SKU-") for title in useless if title} == {True, False}
    assert shown(Inputs.USELESS_TITLES) == useless


def test_foreign_titles_are_each_another_products_and_all_are_used() -> None:
    foreign = shown(Inputs.FOREIGN_TITLES)

    assert foreign[2] == ""
    assert sorted(foreign) == sorted(TITLES)
    assert all(title != before for title, before in zip(foreign, TITLES, strict=True) if before)


def test_what_is_shown_of_photos_and_titles() -> None:
    assert [inputs for inputs in Inputs if not inputs.has_photos] == [Inputs.TITLES_ONLY]
    assert [inputs for inputs in Inputs if not inputs.has_titles] == [
        Inputs.PHOTOS_ONLY,
        Inputs.BLANK_TITLES,
        Inputs.SEVERAL_PHOTOS,
        Inputs.STRANGE_PHOTO,
    ]


def photographed() -> list[LabelledProduct]:
    return [
        replace(product, photos=() if number == 3 else (Photo(Path("a.zip"), f"{number}.jpg"),))
        for number, product in enumerate(products())
    ]


def test_a_product_shows_its_one_photo_or_pictures_made_of_it() -> None:
    several = photos_for(Inputs.SEVERAL_PHOTOS, photographed())

    assert photos_for(Inputs.TITLES_ONLY, photographed()) == {}
    assert photos_for(Inputs.ALL, photographed())[0] == (Photo(Path("a.zip"), "0.jpg"),)
    assert set(several) == {0, 1, 2, 4}
    assert [photo.variant for photo in several[0]] == list(Variant)
    assert {photo.member for photo in several[0]} == {"0.jpg"}


def test_one_strange_photo_is_anothers_and_every_photo_is_strange_to_one() -> None:
    shown = photos_for(Inputs.STRANGE_PHOTO, photographed())

    assert all(len(pictures) == 3 for pictures in shown.values())
    assert all({photo.member for photo in pictures[:2]} == {f"{row}.jpg"} for row, pictures in shown.items())
    assert all(pictures[2].member != f"{row}.jpg" for row, pictures in shown.items())
    assert sorted(pictures[2].member for pictures in shown.values()) == ["0.jpg", "1.jpg", "2.jpg", "4.jpg"]
