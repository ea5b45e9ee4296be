# SPDX-License-Identifier: Apache-2.0
"""What the text tower is shown of a product: its words, unless they are in a language that the tower never learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.bundle.text import compose_text
from consumer.enrichment.language import detect, language_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from consumer.enrichment.boilerplate import Boilerplate
    from consumer.events import ProductEvent

#: Flag of a text that the tower is not shown.
FOREIGN = "language_not_learnt"


@dataclass(frozen=True, slots=True)
class ReadText:
    """The text for the tokeniser, and what there is to say about the words as the vendor wrote them."""

    text: str
    """Empty: the product has no text modality."""
    flags: tuple[str, ...]
    language: str | None
    """BCP 47 tag; None where it is not sure."""


def read_text(event: ProductEvent, learnt: Collection[str], boilerplate: Boilerplate | None = None) -> ReadText:
    """The product's text for a tower that learnt the languages `learnt` (ISO 639 codes).

    Such a tower answers a strange language with what its few known letters make likely, and is sure of it. What the
    vendor says of the language does not hide a text that is plainly in a learnt one.
    """
    composed = compose_text(event, boilerplate)
    language = language_of(event.language, composed.prose)
    if not composed.text or _is_learnt(language, learnt) or _is_learnt(detect(composed.prose), learnt, unsure=False):
        return ReadText(composed.text, composed.flags, language)
    return ReadText("", (*composed.flags, FOREIGN), language)


def _is_learnt(language: str | None, learnt: Collection[str], *, unsure: bool = True) -> bool:
    return unsure if language is None else language.partition("-")[0] in learnt
