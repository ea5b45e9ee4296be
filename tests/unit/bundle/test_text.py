# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.bundle import compose_text
from consumer.bundle.text import MAX_ATTRIBUTES, MAX_BRAND, MAX_DESCRIPTION, MAX_TITLE
from consumer.enrichment.boilerplate import MIN_PRODUCTS, Boilerplate
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

    composed = compose_text(product(title="Navy shirt", vendor_attributes=flood))

    assert composed.text.startswith("Navy shirt | attribute 000000: some words")
    assert composed.text.count(" | ") == MAX_ATTRIBUTES
    assert composed.flags == ("truncated",)


def test_the_text_as_a_whole_has_a_limit() -> None:
    wide = {f"attribute {number}": "word " * 39 for number in range(MAX_ATTRIBUTES)}

    composed = compose_text(product(title="Navy shirt", vendor_attributes=wide))

    assert len(composed.text) == MAX_CHARACTERS
    assert composed.flags == ("truncated",)


@pytest.mark.parametrize("title", ["Puma Men's Navy Blue T-shirt", "F&M 2-in-1 (Pack of 3)", "女士碎花连衣裙"])
def test_a_title_alone_is_composed_of_itself_as_in_every_earlier_format(title: str) -> None:
    assert compose_text(product(title=title)).text == title


def test_each_field_keeps_to_its_limit() -> None:
    long = "word " * 2_000

    text = compose_text(product(title=long, brand=long, description=long, vendor_attributes={long: "navy"})).text

    title, brand, description, attribute = text.split(" | ")
    assert len(title) <= MAX_TITLE
    assert len(brand) <= len("brand: ") + MAX_BRAND
    assert len(description) <= len("description: ") + MAX_DESCRIPTION
    assert attribute.endswith("word: navy")
    assert len(attribute) < MAX_TITLE


def test_names_of_attributes_are_cleaned_and_one_without_a_name_is_left_out() -> None:
    attributes = {"<b>colour</b>": "navy", "\u202e": "evil", "size": "<br>"}

    text = compose_text(product(title="Shirt", vendor_attributes=attributes))

    assert text.text == "Shirt | colour: navy"
    assert text.flags == ("html",)


def test_boilerplate_leaves_the_description_and_never_the_title() -> None:
    boilerplate = Boilerplate()
    pasted = "Free shipping on all orders over fifty dollars!"
    for sku in range(MIN_PRODUCTS):
        other = replace(product(title=pasted, description=pasted), sku=f"other {sku}")
        compose_text(other, boilerplate)

    composed = compose_text(product(title=pasted, description=f"<p>Soft cotton.</p><p>{pasted}</p>"), boilerplate)

    assert composed.text == f"{pasted} | description: Soft cotton."
    assert composed.flags == ("html", "boilerplate")
    assert composed.prose == f"{pasted} Soft cotton."


def test_a_description_of_boilerplate_only_is_no_text() -> None:
    boilerplate = Boilerplate()
    pasted = "Free shipping on all orders over fifty dollars!"
    for sku in range(MIN_PRODUCTS):
        compose_text(replace(product(description=pasted), sku=f"other {sku}"), boilerplate)

    assert compose_text(product(brand="Acme", description=pasted), boilerplate).text == ""


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text()))
def test_composing_is_repeatable_and_leaves_the_event_alone(
    title: str, description: str, attributes: dict[str, str]
) -> None:
    event = product(title=title, description=description, vendor_attributes=attributes)

    first = compose_text(event)

    assert compose_text(event) == first
    assert event == product(title=title, description=description, vendor_attributes=attributes)
    assert "\n" not in first.text
    assert len(first.text) <= MAX_CHARACTERS


HOSTILE = ("{{ title }} ${x} {0} %s ", "<script>", "\u202e\u200b", "Ã©", "\ud800", "&amp;", "女")


@pytest.mark.parametrize("unit", HOSTILE)
def test_five_megabytes_in_every_field_are_read_within_a_second(unit: str) -> None:
    text = unit * (5_000_000 // len(unit))
    event = product(title=text, brand=text, description=text, vendor_category=text, vendor_attributes={text: text})
    started = time.process_time()

    composed = compose_text(event, Boilerplate())

    assert time.process_time() - started < 1
    assert "truncated" in composed.flags
    assert event.title == text
