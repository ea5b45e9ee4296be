# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from triton_models.training.datasets import FASHION_PRODUCT_IMAGES, LabelledProduct
from triton_models.training.inputs import Inputs, with_titles_for
from triton_models.training.labels import load_crosswalk
from triton_models.training.titles import title_words

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
    assert [inputs for inputs in Inputs if not inputs.has_titles] == [Inputs.PHOTOS_ONLY, Inputs.BLANK_TITLES]
