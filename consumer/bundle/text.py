# SPDX-License-Identifier: Apache-2.0
"""One product, one text: the words that the text tower reads, in training and in serving."""

from __future__ import annotations

import re
from dataclasses import dataclass
from heapq import nsmallest
from typing import TYPE_CHECKING

from consumer.enrichment.text import MAX_CHARACTERS, clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.events import ProductEvent

#: Version of the composition below; a change is a new version and a new `client_hash`.
TEXT_FORMAT = "text/v0"

#: Vendor attributes that are read, by name. Each takes three tokens or more of the 64 that a model reads; without a
#: limit, a hostile event of 8 MB would hold the event loop for seconds.
MAX_ATTRIBUTES = 64

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class ComposedText:
    """The text for the tokeniser, and what had to be repaired in it."""

    text: str
    """Empty when the vendor's words say no more than the brand: then the product has no text modality."""
    flags: tuple[str, ...]
    """Each once, in the order in which the fields needed them."""


def compose_text(event: ProductEvent) -> ComposedText:
    """Title first and bare, then the other fields with their markers; the tail is what truncation cuts."""
    cleaned = [(marker, clean(raw)) for marker, raw in _fields(event)]
    flags = tuple(dict.fromkeys(flag for _, field in cleaned for flag in field.flags))
    fields = [(marker, field.text) for marker, field in cleaned if field.text]
    brand = {word for marker, text in fields if marker == "brand" for word in _words(text)}
    if not any(_words(text) - brand for marker, text in fields if marker != "brand"):
        return ComposedText("", flags)
    whole = " | ".join(f"{marker}: {text}" if marker else text for marker, text in fields)
    return ComposedText(whole[:MAX_CHARACTERS], flags)


def _fields(event: ProductEvent) -> Iterator[tuple[str, str]]:
    yield "", event.title
    yield "brand", event.brand or ""
    yield "description", event.description or ""
    yield "category", event.vendor_category or ""
    said = ((name[:MAX_CHARACTERS], value) for name, value in event.vendor_attributes.items() if value.strip())
    yield from nsmallest(MAX_ATTRIBUTES, said)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
