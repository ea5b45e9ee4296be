# SPDX-License-Identifier: Apache-2.0
"""One product, one text: the words that the text tower reads, in training and in serving."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.events import ProductEvent

#: Version of the composition below; a change is a new version and a new `client_hash`.
TEXT_FORMAT = "text/v0"

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class ComposedText:
    """The text for the tokeniser, and what had to be repaired in it."""

    text: str
    """Empty when the vendor's words say no more than the brand: then the product has no text modality."""
    flags: tuple[str, ...]


def compose_text(event: ProductEvent) -> ComposedText:
    """Title first and bare, then the other fields with their markers; the tail is what truncation cuts."""
    fields = [(marker, text) for marker, text in _fields(event) if text]
    brand = _words(event.brand or "")
    if not any(_words(text) - brand for marker, text in fields if marker != "brand"):
        return ComposedText("", ())
    return ComposedText(" | ".join(f"{marker}: {text}" if marker else text for marker, text in fields), ())


def _fields(event: ProductEvent) -> Iterator[tuple[str, str]]:
    yield "", event.title.strip()
    yield "brand", (event.brand or "").strip()
    yield "description", (event.description or "").strip()
    yield "category", (event.vendor_category or "").strip()
    for name, value in sorted(event.vendor_attributes.items()):
        yield name, value.strip()


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
