# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumer.enrichment.nouns import CategoryNames
from consumer.enrichment.vendor import VendorValue, VendorWords
from consumer.events import EventType, ProductEvent

if TYPE_CHECKING:
    from consumer.enrichment.lexicon import Lexicon
    from consumer.enrichment.ontology import Ontology


@pytest.fixture(scope="module")
def vendor_words(ontology: Ontology, lexicon: Lexicon) -> VendorWords:
    return VendorWords(ontology, lexicon, CategoryNames(ontology, lexicon))


def product(**fields: Any) -> ProductEvent:
    return ProductEvent("e1", EventType.UPSERT, "acme", "sku-1", 1, datetime(2026, 1, 1, tzinfo=UTC), **fields)


@pytest.mark.parametrize(
    ("attributes", "handle", "ids"),
    [
        ({"color": "Navy"}, "color", ("15",)),
        ({"Colour": "  rose  GOLD "}, "color", ("16",)),
        ({"colour": "maroon"}, "color", ("x-shade-maroon",)),
        ({"Base Colour": "Toasted Walnut"}, "color", ("7",)),
        ({"color": "Sand"}, "color", ("6",)),
        ({"color": "Schwarz"}, "color", ("1",)),
        ({"color": "burgandy"}, "color", ("x-shade-burgundy",)),
        ({"color": "Navy/White"}, "color", ("15", "3")),
        ({"color": "Whisper of Dawn"}, "color", ()),
        ({"color": "thressqatar"}, "color", ()),
        ({"gender": "FEMALE"}, "target-gender", ("18",)),
        ({"gender": "ladies"}, "target-gender", ("18",)),
        ({"gender": "Boys"}, "target-gender", ("19",)),
        ({"gender": "Boys"}, "age-group", ("1515",)),
        ({"Age Group": "adult"}, "age-group", ("2403",)),
        ({"fabric": "60% polyster, 40% Cotton"}, "fabric", ("16993", "16984")),
        ({"Sleeve Length": "sleevless"}, "sleeve-length-type", ("174",)),
        ({"sleeve length": "3/4"}, "sleeve-length-type", ("1405",)),
        ({"sleeve_length": "Long"}, "sleeve-length-type", ("17094",)),
        ({"Neck": "V"}, "neckline", ("390",)),
        ({"fit": "Slim Fit"}, "fit", ("6718",)),
        ({"material": "non-leather"}, "fabric", ()),
    ],
)
def test_a_vendors_words_are_brought_to_the_ontologys(
    vendor_words: VendorWords, attributes: dict[str, str], handle: str, ids: tuple[str, ...]
) -> None:
    (raw,) = attributes.values()

    assert vendor_words.of(product(vendor_attributes=attributes))[handle] == VendorValue(raw, ids)


def test_a_gender_that_tells_no_age_says_nothing_of_it(vendor_words: VendorWords) -> None:
    assert vendor_words.of(product(vendor_attributes={"gender": "unisex"})).keys() == {"target-gender"}


def test_of_two_fields_for_one_attribute_the_first_that_means_something_counts(vendor_words: VendorWords) -> None:
    said = vendor_words.of(product(vendor_attributes={"color": "C-17", "colour family": "Blue", "shade": "Red"}))

    assert said == {"color": VendorValue("Blue", ("2",))}


@pytest.mark.parametrize(
    ("words", "category"),
    [
        ("t-shirts", "aa-1-13-8"),
        ("TShirt", "aa-1-13-8"),
        ("Apparel & Accessories > Clothing > Pants > Jeans", "aa-1-12-4"),
        ("Men > Western Wear > Jeans", "aa-1-12-4"),
        ("Men/Western Wear/Jeans", "aa-1-12-4"),
        ("Clothing | Jumpers", "aa-1-13-12"),
        ("leggings", "aa-1-12-8"),
        ("aa-1-13-7", "aa-1-13-7"),
        ("1604", "aa-1"),
        ("212", "aa-1-13"),
        ("Kurtas", "x-kurta"),
        ("Blue things", None),
        ("999999", None),
        ("> > >", None),
    ],
)
def test_a_category_may_be_an_id_a_name_or_a_path(vendor_words: VendorWords, words: str, category: str | None) -> None:
    expected = VendorValue(words, (category,) if category else ())

    assert vendor_words.of(product(vendor_category=words))["category"] == expected


@pytest.mark.parametrize("fields", [{}, {"vendor_category": " ", "vendor_attributes": {"color": "", "size": "M"}}])
def test_a_vendor_that_says_nothing_gives_no_evidence(vendor_words: VendorWords, fields: dict[str, Any]) -> None:
    assert vendor_words.of(product(**fields)) == {}


def test_a_flood_of_attributes_and_endless_values_cost_little(vendor_words: VendorWords) -> None:
    flood = {f"colour {number}": "navy " * 100 for number in range(50_000)}
    endless = product(vendor_attributes={"color": "navy " * 1_000_000} | flood, vendor_category="> " * 1_000_000)
    started = time.process_time()

    said = vendor_words.of(endless)

    assert time.process_time() - started < 0.2
    assert said["color"].ids == ("15",)
    assert said["category"].ids == ()


@pytest.mark.parametrize(
    ("category", "node", "person"),
    [
        ("Men's Shirts", "aa-1-13-7", {"target-gender": ("19",), "age-group": ("2403",)}),
        ("Women / Occasionwear", None, {"target-gender": ("18",), "age-group": ("2403",)}),
        ("Robes > Chemises", "aa-1-13-7", {}),
        ("Apparel & Accessories > Clothing > Dresses", "aa-1-4", {}),
    ],
)
def test_a_category_tells_for_whom_it_is(
    vendor_words: VendorWords, category: str, node: str | None, person: dict[str, tuple[str, ...]]
) -> None:
    said = vendor_words.of(product(vendor_category=category))

    assert said.pop("category") == VendorValue(category, (node,) if node else ())
    assert {handle: value.ids for handle, value in said.items()} == person


def test_a_field_of_its_own_goes_before_the_category(vendor_words: VendorWords) -> None:
    said = vendor_words.of(product(vendor_category="Men's Shirts", vendor_attributes={"gender": "Women"}))

    assert said["target-gender"] == VendorValue("Women", ("18",))
