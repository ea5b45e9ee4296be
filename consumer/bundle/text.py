# SPDX-License-Identifier: Apache-2.0
"""One product, one text: the words that the text tower reads, in training and in serving."""

from __future__ import annotations

import re
from dataclasses import dataclass
from heapq import nsmallest
from typing import TYPE_CHECKING

from consumer.enrichment.text import MAX_CHARACTERS, CleanText, clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.enrichment.boilerplate import Boilerplate
    from consumer.events import ProductEvent

#: Version of the composition below; a change is a new version and a new `client_hash`.
TEXT_FORMAT = "text/v1"

#: Characters kept of each field. Shops' own limits are 150 to 255 for a title, 70 for a brand, 750 for a category path
#: and 100 for a colour; of the 39,942 titles that we train on the longest has 88. What is longer is stuffing.
MAX_TITLE = 500
MAX_BRAND = 100
MAX_CATEGORY = 500
MAX_NAME = 100
MAX_VALUE = 200
#: A model reads 64 or 128 tokens, some 600 characters; the rest is room for boilerplate that is left out.
MAX_DESCRIPTION = 1_000

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
    title: str
    description: str
    """Title and description as they went into the text."""

    @property
    def prose(self) -> str:
        """What is written in a language."""
        return f"{self.title} {self.description}".strip()


def compose_text(event: ProductEvent, boilerplate: Boilerplate | None = None) -> ComposedText:
    """Title first and bare, then the other fields with their markers; the tail is what truncation cuts.

    With `boilerplate`, sentences of the description that the vendor's other products share are left out, and the
    product is remembered there.
    """
    title = clean(event.title, MAX_TITLE)
    description = _description(event, boilerplate)
    said = {name: value for name, value in event.vendor_attributes.items() if value.strip()}
    fields = [
        ("", title),
        ("brand", clean(event.brand or "", MAX_BRAND)),
        ("description", description),
        ("category", clean(event.vendor_category or "", MAX_CATEGORY)),
        *_attributes(said),
    ]
    flags = [flag for _, field in fields for flag in field.flags]
    brand = _words(fields[1][1].text)
    prose = title.text, description.text
    if not any(_words(field.text) - brand for _, field in (fields[0], *fields[2:])):
        return ComposedText("", tuple(dict.fromkeys(flags)), *prose)
    whole = " | ".join(f"{marker}: {field.text}" if marker else field.text for marker, field in fields if field.lines)
    if len(whole) > MAX_CHARACTERS or len(said) > MAX_ATTRIBUTES:
        flags.append("truncated")
    return ComposedText(whole[:MAX_CHARACTERS], tuple(dict.fromkeys(flags)), *prose)


def _description(event: ProductEvent, boilerplate: Boilerplate | None) -> CleanText:
    description = clean(event.description or "", MAX_DESCRIPTION)
    if boilerplate is None:
        return description
    own = boilerplate.own_sentences(event, description.lines)
    is_shorter = own != description.lines
    return CleanText(own, (*description.flags, "boilerplate")) if is_shorter else description


def _attributes(said: Mapping[str, str]) -> list[tuple[str, CleanText]]:
    first = nsmallest(MAX_ATTRIBUTES, said.items(), key=lambda pair: pair[0][:MAX_CHARACTERS])
    named = ((clean(name, MAX_NAME), clean(value, MAX_VALUE)) for name, value in first)
    # Without a name, a value would stand as bare as the title.
    return [(name.text, CleanText(value.lines, (*name.flags, *value.flags))) for name, value in named if name.lines]


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
