# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from consumer.catalogue.colours import COLOURS
from consumer.catalogue.photo import draw
from consumer.catalogue.products import GARMENTS, Trouble, make_products
from consumer.enrichment.ontology import Ontology
from consumer.enrichment.text import clean

MANY = 700


def test_the_same_seed_gives_the_same_products_and_the_same_bytes() -> None:
    one, other = make_products(12, seed=7), make_products(12, seed=7)

    assert one == other
    assert [draw(photo) for product in one[:4] for photo in product.photos] == [
        draw(photo) for product in other[:4] for photo in product.photos
    ]
    assert one != make_products(12, seed=8)


def test_more_products_begin_with_the_same_ones() -> None:
    assert make_products(30, seed=7)[:10] == make_products(10, seed=7)


def test_one_in_ten_is_in_trouble_and_every_trouble_occurs() -> None:
    troubles = [product.trouble for product in make_products(MANY, seed=3)]

    assert sum(trouble is not None for trouble in troubles) == MANY // 10
    assert set(troubles) == {None, *Trouble}


def test_three_in_ten_titles_name_neither_type_nor_colour() -> None:
    products = make_products(MANY, seed=3)
    silent = [product for product in products if not product.truth.is_titled]
    words = {word for garment in GARMENTS for noun in garment.nouns for word in noun.lower().split()}
    words |= {word for colour in COLOURS for word in colour.word.lower().split()}

    assert 0.25 < len(silent) / MANY < 0.35
    for product in silent:
        assert not words & set(clean(product.title).text.lower().split())


def test_telling_titles_name_the_colour() -> None:
    by_family: dict[str, set[str]] = {}
    for colour in COLOURS:
        by_family.setdefault(colour.family, set()).add(colour.word)

    for product in make_products(MANY, seed=3):
        if product.truth.is_titled:
            assert any(word in product.title for word in by_family[product.truth.color])


def test_some_patterned_products_have_two_colours_that_the_title_names() -> None:
    two = [product for product in make_products(MANY, seed=3) if " and " in product.title]

    assert len(two) > MANY // 50
    assert not any(product.trouble is Trouble.WRONG_COLOUR for product in two)
    assert all(sum(colour.word in product.title for colour in COLOURS) > 1 for product in two)


def test_products_have_one_to_five_photos_or_none_for_a_reason() -> None:
    for product in make_products(MANY, seed=3):
        expected = range(1) if product.trouble is Trouble.NO_IMAGE else range(1, 6)
        assert len(product.photos) in expected


def test_all_that_is_drawn_is_a_word_of_the_ontology() -> None:
    ontology = Ontology.load("v1")

    assert len({garment.category for garment in GARMENTS}) >= 10
    for garment in GARMENTS:
        assert garment.category in ontology.categories
        assert garment.gender in ontology.attribute("target-gender").labels
    assert {colour.family for colour in COLOURS} <= set(ontology.attribute("color").labels)


@pytest.mark.parametrize(("trouble", "flag"), [(Trouble.MARKUP, "html"), (Trouble.MOJIBAKE, "encoding_repaired")])
def test_spoilt_titles_are_repaired_by_the_cleaning(trouble: Trouble, flag: str) -> None:
    spoilt = [product for product in make_products(MANY, seed=3) if product.trouble is trouble]

    assert spoilt
    assert all(flag in clean(product.title).flags for product in spoilt)
