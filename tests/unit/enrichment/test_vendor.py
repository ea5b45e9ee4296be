# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumer.enrichment.vendor import VendorValue, VendorWords
from consumer.events import EventType, ProductEvent

if TYPE_CHECKING:
    from consumer.enrichment.ontology import Ontology


def product(**fields: Any) -> ProductEvent:
    return ProductEvent("e1", EventType.UPSERT, "acme", "sku-1", 1, datetime(2026, 1, 1, tzinfo=UTC), **fields)


@pytest.mark.parametrize(
    ("attributes", "handle", "expected"),
    [
        ({"color": "Navy"}, "color", VendorValue("Navy", "15")),
        ({"Colour": "  rose  GOLD "}, "color", VendorValue("  rose  GOLD ", "16")),
        ({"colour": "maroon"}, "color", VendorValue("maroon", "x-shade-maroon")),
        ({"color": "Toasted Walnut"}, "color", VendorValue("Toasted Walnut", None)),
        ({"gender": "FEMALE"}, "target-gender", VendorValue("FEMALE", "18")),
        ({"gender": "ladies"}, "target-gender", VendorValue("ladies", None)),
    ],
)
def test_words_count_when_they_are_a_label_but_for_case_and_space(
    ontology: Ontology, attributes: dict[str, str], handle: str, expected: VendorValue
) -> None:
    assert VendorWords(ontology).of(product(vendor_attributes=attributes)) == {handle: expected}


@pytest.mark.parametrize(
    ("words", "category"),
    [
        ("t-shirts", "aa-1-13-8"),
        ("Apparel & Accessories > Clothing > Pants > Jeans", "aa-1-12-4"),
        ("Blue things", None),
    ],
)
def test_a_category_may_be_named_alone_or_with_its_way(ontology: Ontology, words: str, category: str | None) -> None:
    assert VendorWords(ontology).of(product(vendor_category=words)) == {"category": VendorValue(words, category)}


@pytest.mark.parametrize("fields", [{}, {"vendor_category": " ", "vendor_attributes": {"color": "", "size": "M"}}])
def test_a_vendor_that_says_nothing_gives_no_evidence(ontology: Ontology, fields: dict[str, Any]) -> None:
    assert VendorWords(ontology).of(product(**fields)) == {}
