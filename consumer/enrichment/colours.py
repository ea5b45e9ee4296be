# SPDX-License-Identifier: Apache-2.0
"""Which colours in a text are the product's own: not those of its dial, its soles or what comes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.enrichment.phrases import BREAK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from consumer.enrichment.lexicon import Lexicon

COLOR = "color"

_FABRIC_WORDS = 3


def is_of_a_part(lexicon: Lexicon, words: Sequence[str], start: int, end: int) -> bool:
    """Whether the colour at `words[start:end]` is that of a part: black leather strap, shirt with red buttons."""
    for word in reversed(words[:start]):
        if word == BREAK:
            break
        if word in lexicon.asides:
            return True
    for word in words[end:]:
        if word in lexicon.parts:
            return True
        if word not in lexicon.links:
            return False
    return False


def colours_by_place(lexicon: Lexicon, words: Sequence[str]) -> Iterator[str]:
    """Colours by words that mean one only in some places: emerald satin, "Trench Coat - Sand".

    Those places are before a fabric, and alone between two marks behind the first.
    """
    for phrase in lexicon.field.find(words):
        if COLOR in phrase.meaning and (
            _is_alone(words, phrase.start, phrase.end) or _is_before_fabric(lexicon, words[phrase.end :])
        ):
            yield phrase.meaning[COLOR]


def _is_alone(words: Sequence[str], start: int, end: int) -> bool:
    return start > 0 and words[start - 1] == BREAK and (end == len(words) or words[end] == BREAK)


def _is_before_fabric(lexicon: Lexicon, rest: Sequence[str]) -> bool:
    following = next(lexicon.text.find(rest[:_FABRIC_WORDS]), None)
    return following is not None and following.start == 0 and "fabric" in following.meaning
