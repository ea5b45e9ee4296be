# SPDX-License-Identifier: Apache-2.0
"""What the text tower is shown of a product: its words, unless they are in a language that the tower never learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.bundle.text import compose_text
from consumer.enrichment.language import SURE_SCORE, detect, language_of, stated_language
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

    Such a tower answers a strange language with what its few known letters make likely, and is sure of it. A text is
    strange when the vendor says so and it does not read like a learnt one, or when nobody would doubt it.
    """
    composed = compose_text(event, boilerplate)
    language = language_of(event.language, composed.prose)
    if not composed.text or not _is_strange(event, composed.prose, language, learnt):
        return ReadText(composed.text, ProductText(composed.title, composed.description, composed.flags, language))
    flags = (*composed.flags, FOREIGN)
    return ReadText("", ProductText(composed.title, composed.description, flags, language))


def _is_strange(event: ProductEvent, prose: str, language: str | None, learnt: Collection[str]) -> bool:
    if language is None or _primary(language) in learnt:
        return False
    if stated_language(event.language):
        return detect(prose) not in learnt
    return detect(prose, SURE_SCORE) is not None


def _primary(tag: str) -> str:
    """`de` of `de-AT`."""
    return tag.partition("-")[0]
