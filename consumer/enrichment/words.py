# SPDX-License-Identifier: Apache-2.0
"""What the words of a product's title and description say of its attributes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from consumer.enrichment.colours import COLOR, colours_by_place, is_of_a_part
from consumer.enrichment.nouns import CATEGORY
from consumer.enrichment.phrases import BREAK, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.enrichment.lexicon import Lexicon
    from consumer.enrichment.nouns import CategoryNames
    from consumer.events import ProductText

Said = dict[str, tuple[str, ...]]
"""By handle, the values and shades that words name, in the order of the text."""

_COMPOSED = frozenset({"fabric", "footwear-material"})

#: `without any cotton`: so many words before a phrase may turn it into its opposite.
_NEGATION_REACH = 2


def said_by(lexicon: Lexicon, names: CategoryNames, text: ProductText, brand: str) -> Said:
    """What the title says; what it leaves open the description may say, if it names one value and no other.

    Of the category only the title speaks.

    A description also speaks of what goes well with the product. Materials it may list.
    """
    title = _without_brand(lexicon.words(text.title), words_of(brand))
    by_title = _read(lexicon, title)
    # Running prose has too many words that look like a slip of another.
    by_description = _read(lexicon, words_of(text.description))
    node = names.in_title(title)
    return (
        {handle: values for handle, values in by_description.items() if len(values) == 1 or handle in _COMPOSED}
        | by_title
        | ({CATEGORY: (node,)} if node else {})
    )


def _read(lexicon: Lexicon, words: Sequence[str]) -> Said:
    said: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for phrase in lexicon.text.find(words):
        if phrase.meaning and not is_negated(lexicon, words, phrase.start):
            for handle, value in phrase.meaning.items():
                if handle != COLOR or not is_of_a_part(lexicon, words, phrase.start, phrase.end):
                    said[handle][value] = None
    if COLOR not in said:
        said |= {COLOR: dict.fromkeys(colours_by_place(lexicon, words))}
    return {handle: tuple(values) for handle, values in said.items() if values}


def is_negated(lexicon: Lexicon, words: Sequence[str], start: int) -> bool:
    """Whether the phrase that begins at `words[start]` is said not to be: without a hood."""
    before = words[max(0, start - _NEGATION_REACH) : start]
    return any(word in lexicon.negations for word in before) and BREAK not in before


def _without_brand(words: Sequence[str], brand: Sequence[str]) -> Sequence[str]:
    """Red Tape makes brown shoes. A title names its brand once; the same words again are words."""
    if brand:
        for start in range(len(words) - len(brand) + 1):
            if tuple(words[start : start + len(brand)]) == tuple(brand):
                return (*words[:start], BREAK, *words[start + len(brand) :])
    return words
