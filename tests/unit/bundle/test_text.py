# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.bundle import compose_text
from consumer.bundle.text import MAX_ATTRIBUTES
from consumer.enrichment.text import MAX_CHARACTERS
from consumer.events import EventType, ProductEvent


def product(**fields: Any) -> ProductEvent:
    return ProductEvent("e1", EventType.UPSERT, "acme", "1", 1, datetime(2026, 1, 1, tzinfo=UTC), **fields)


def test_the_title_comes_first_and_the_other_fields_carry_their_markers() -> None:
    event = product(
        title="Classic Shirt",
        brand="Acme",
        description="Soft cotton.",
        vendor_category="Men > Shirts",
        vendor_attributes={"size": "M", "colour": "navy"},
    )

    text = compose_text(event).text

    assert text == (
        "Classic Shirt | brand: Acme | description: Soft cotton. | category: Men > Shirts | colour: navy | size: M"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"title": "  "},
        {"brand": "Acme"},
        {"title": "ACME", "brand": "Acme"},
        {"title": "Acme - acme", "brand": "Acme"},
        {"title": "!?"},
    ],
)
def test_words_that_say_no_more_than_the_brand_are_no_text(fields: dict[str, Any]) -> None:
    assert compose_text(product(**fields)).text == ""


def test_any_word_beyond_the_brand_is_text() -> None:
    assert compose_text(product(title="Acme 501", brand="Acme")).text == "Acme 501 | brand: Acme"
    assert compose_text(product(vendor_attributes={"colour": "navy"})).text == "colour: navy"


def test_repairs_of_all_fields_are_flagged_once() -> None:
    text = compose_text(product(title="<b>Navy</b> shirt", description="<p>Soft.</p>", brand="Caf\u00c3\u00a9"))

    assert text.text == "Navy shirt | brand: Caf\u00e9 | description: Soft."
    assert text.flags == ("html", "encoding_repaired")


def test_an_attribute_named_brand_does_not_hide_the_title() -> None:
    assert compose_text(product(title="Acme shirt", vendor_attributes={"brand": "Acme"})).text != ""


def test_a_flood_of_attributes_is_cut_and_the_title_stays() -> None:
    flood = {f"attribute {number:06}": "some words" for number in range(100_000)}

    text = compose_text(product(title="Navy shirt", vendor_attributes=flood)).text

    assert text.startswith("Navy shirt | attribute 000000: some words")
    assert text.count(" | ") == MAX_ATTRIBUTES


def test_the_text_as_a_whole_has_a_limit() -> None:
    wide = {f"attribute {number}": "word " * 2_000 for number in range(10)}

    assert len(compose_text(product(title="Navy shirt", vendor_attributes=wide)).text) == MAX_CHARACTERS
