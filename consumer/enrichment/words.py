# SPDX-License-Identifier: Apache-2.0
"""What the words of a product's title and description say of its attributes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from consumer.enrichment.colours import COLOR, colours_by_place, is_of_a_part
from consumer.enrichment.nouns import CATEGORY
from consumer.enrichment.phrases import BREAK, MAX_WORDS, Words, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.enrichment.lexicon import Lexicon
    from consumer.enrichment.nouns import CategoryNames
    from consumer.events import ProductText

Said = dict[str, tuple[str, ...]]
"""By handle, the values and shades that words name, in the order of the text."""

_COMPOSED = frozenset({"fabric", "footwear-material"})

#: `without any cotton`: what may stand between a phrase and the word that turns it into its opposite. Any other word
#: takes the negation to itself: no-show black socks are black.
_BETWEEN = frozenset({"a", "an", "any", "the", "real"})


def said_by(lexicon: Lexicon, names: CategoryNames, text: ProductText, brand: str) -> Said:
    """What the title says; what it leaves open the description may say, if it names one value and no other.

    Of the category only the title speaks.

    A description also speaks of what goes well with the product. Materials it may list.
    """
    name = words_of(brand)
    title = lexicon.corrected(_without_brand(words_of(text.title), name, times=1))
    by_title = _read(lexicon, title)
    # Running prose has too many words that look like a slip of another.
    by_description = _read(lexicon, _without_brand(words_of(text.description), name, times=MAX_WORDS))
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
    before = next((word for word in reversed(words[:start]) if word not in _BETWEEN), BREAK)
    return before in lexicon.negations


def _without_brand(words: Sequence[str], brand: Words, *, times: int) -> Sequence[str]:
    """Red Tape makes brown shoes. A title names its brand once: the same words again are words."""
    if not brand or brand[0] not in words:
        return words
    start = 0
    while times and start <= len(words) - len(brand):
        if words[start] == brand[0] and tuple(words[start : start + len(brand)]) == brand:
            words = (*words[:start], BREAK, *words[start + len(brand) :])
            times -= 1
        start += 1
    return words
