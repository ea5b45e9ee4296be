# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from triton_models.training.baselines import LexicalRule, majority
from triton_models.training.labels import load_crosswalk
from triton_models.training.titles import named, title_words

CROSSWALK = load_crosswalk("fashion-product-images")
WORDS = title_words(CROSSWALK)
CATEGORIES, GENDERS, COLOURS = (CROSSWALK.columns[column] for column in ("articleType", "gender", "baseColour"))


def test_the_longest_name_wins() -> None:
    assert named("Puma Deck Navy Blue Backpack", WORDS.colours) == ("Navy Blue",)
    assert named("Red & White tee", WORDS.colours) == ("Red", "White")


def test_words_inside_other_words_are_not_names() -> None:
    assert named("Tantra Bored Menswear", WORDS.colours | WORDS.genders) == ()


@pytest.mark.parametrize(
    ("title", "bare"),
    [
        ("Nike Men Navy Blue Polo T-shirt", "nike"),
        ("Fabindia Women Red Printed Kurta", "fabindia printed"),
        ("Acme 501", "acme 501"),
        ("", ""),
    ],
)
def test_a_bare_title_names_no_colour_gender_or_type(title: str, bare: str) -> None:
    assert WORDS.strip(title) == bare


def test_the_lexical_rule_takes_first_colour_first_gender_last_type() -> None:
    rule = LexicalRule(WORDS, CROSSWALK)

    assert rule.answer("color", "White and Red Shirt for Women") == COLOURS["White"]["color"]
    assert rule.answer("target-gender", "Shirt for Women") == "18"
    assert rule.answer("category", "Shirts and Jeans") == CATEGORIES["Jeans"]["category"]


def test_a_silent_title_gets_the_commonest_answers() -> None:
    rule = LexicalRule(WORDS, CROSSWALK)

    assert rule.answer("color", "Acme 501") == COLOURS["Black"]["color"]
    assert rule.answer("target-gender", "Acme 501") == GENDERS["Men"]["target-gender"]
    assert rule.answer("category", "Acme 501") == CATEGORIES["Tshirts"]["category"]


def test_majority_ignores_missing_labels() -> None:
    assert majority([None, None, None, "2", "1", "2"]) == "2"
    with pytest.raises(ValueError, match="no labelled row"):
        majority([None])
