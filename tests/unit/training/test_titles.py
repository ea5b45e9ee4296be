# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from triton_models.training.labels import load_crosswalk
from triton_models.training.titles import named, title_words

CROSSWALK = load_crosswalk("fashion-product-images")
WORDS = title_words(CROSSWALK)


def test_the_longest_name_wins() -> None:
    assert named("Puma Deck Navy Blue Backpack", WORDS.colours) == ("Navy Blue",)
    assert named("Red & White tee", WORDS.colours) == ("Red", "White")


def test_words_inside_other_words_are_not_names() -> None:
    assert named("Tantra Bored Menswear", {**WORDS.colours, **WORDS.genders}) == ()


@pytest.mark.parametrize(
    ("title", "bare"),
    [
        ("Nike Men Navy Blue Polo T-shirt", "nike"),
        ("Fabindia Women Red Printed Kurta", "fabindia printed"),
        ("Acme 501", "acme 501"),
        ("Arrow Dress", "arrow"),
        ("Arrow Watch in Steel, two Bracelets", "arrow in two"),
        ("Arrow Silk Scarf", "arrow silk"),
        ("", ""),
    ],
)
def test_a_bare_title_names_no_colour_gender_or_type(title: str, bare: str) -> None:
    assert WORDS.strip(title) == bare
