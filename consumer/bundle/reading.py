# SPDX-License-Identifier: Apache-2.0
"""What the text tower is shown of a product: its words, unless they are in a language that the tower never learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.bundle.text import compose_text
from consumer.enrichment.language import detect, language_of
from consumer.events import ProductText

if TYPE_CHECKING:
    from collections.abc import Collection

    from consumer.enrichment.boilerplate import Boilerplate
    from consumer.events import ProductEvent

#: Flag of a text that the tower is not shown.
FOREIGN = "language_not_learnt"


@dataclass(frozen=True, slots=True)
class ReadText:
    """A product's words, and those of them that the model sees."""

    shown: str
    """For the tokeniser. Empty: the product has no text modality."""
    product: ProductText


def read_text(event: ProductEvent, learnt: Collection[str], boilerplate: Boilerplate | None = None) -> ReadText:
    """The product's text for a tower that learnt the languages `learnt` (ISO 639 codes).

    Such a tower answers a strange language with what its few known letters make likely, and is sure of it. What the
    vendor says of the language does not hide a text that is plainly in a learnt one.
    """
    composed = compose_text(event, boilerplate)
    language = language_of(event.language, composed.prose)
    if not composed.text or _is_learnt(language, learnt) or _is_learnt(detect(composed.prose), learnt, unsure=False):
        return ReadText(composed.text, ProductText(composed.title, composed.description, composed.flags, language))
    flags = (*composed.flags, FOREIGN)
    return ReadText("", ProductText(composed.title, composed.description, flags, language))


def _is_learnt(language: str | None, learnt: Collection[str], *, unsure: bool = True) -> bool:
    return unsure if language is None else language.partition("-")[0] in learnt
