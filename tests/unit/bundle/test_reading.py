# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.bundle import read_text
from consumer.events import EventType, ProductEvent

GERMAN = "Damen Sommerkleid mit V-Ausschnitt, knielang"


def product(**fields: Any) -> ProductEvent:
    return ProductEvent("e1", EventType.UPSERT, "acme", "sku-1", 1, datetime(2026, 1, 1, tzinfo=UTC), **fields)


@pytest.mark.parametrize(
    ("fields", "language"),
    [
        ({"title": GERMAN}, "de"),
        ({"title": GERMAN, "language": "de-AT"}, "de-AT"),
        ({"title": "SKU 4711", "language": "fr"}, "fr"),
    ],
)
def test_a_text_in_a_language_that_the_tower_never_learnt_is_not_shown_to_it(
    fields: dict[str, str], language: str
) -> None:
    read = read_text(product(**fields), ("en",))

    assert (read.shown, read.product.flags, read.product.language) == ("", ("language_not_learnt",), language)


@pytest.mark.parametrize(
    ("fields", "learnt"),
    [
        ({"title": GERMAN}, ("en", "de")),
        ({"title": "SKU 4711"}, ("en",)),
        ({"title": "Wildcraft Unisex Black Duffel Bag"}, ("en",)),  # by the words alone German, but not surely
        ({"title": "Navy blue shirt for men with long sleeves"}, ("en",)),
        ({"title": "Navy blue shirt for men with long sleeves", "language": "de"}, ("en",)),
    ],
)
def test_any_other_text_is_shown(fields: dict[str, str], learnt: tuple[str, ...]) -> None:
    read = read_text(product(**fields), learnt)

    assert (read.shown, read.product.flags) == (fields["title"], ())


def test_what_is_empty_is_not_called_foreign() -> None:
    assert read_text(product(brand="Acme", language="de"), ("en",)).product.flags == ()
