# SPDX-License-Identifier: Apache-2.0
"""Known phrases in a vendor's text: the longest first, each word once, at a cost that grows with the words alone."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Meaning = TypeVar("Meaning")

#: A title has ten words and a long description three hundred; what comes later is not about the product, or hostile.
MAX_WORDS = 400
MAX_CHARACTERS = 8_000

#: Stands for punctuation: no phrase goes across it.
BREAK = ","

# A hyphen within a word only parts it (v-neck), between blanks it is punctuation. A slash joins: black/white.
_PUNCTUATION = str.maketrans(dict.fromkeys(";.|()[]{}!?:", BREAK))
Words = tuple[str, ...]

# German for "for", which without its dots is fur.
_FOR = re.compile(r"\bf\u00fcr\b")
_WORD = re.compile("[^\\W_]+|" + BREAK)


def words_of(text: str) -> Words:
    """Words without case and accents, with a `BREAK` for each punctuation mark; at most `MAX_WORDS`."""
    # Women's and womens are one word.
    folded = text[:MAX_CHARACTERS].casefold().replace("'", "").replace("&", " and ").replace(" - ", BREAK)
    if not folded.isascii():
        spelt = _FOR.sub("for", folded).replace("\u2019", "").replace(" \u2013 ", BREAK).replace(" \u2014 ", BREAK)
        folded = "".join(letter for letter in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(letter))
    return tuple(_WORD.findall(folded.translate(_PUNCTUATION))[:MAX_WORDS])


@dataclass(frozen=True, slots=True)
class Found(Generic[Meaning]):
    """A phrase at `words[start:end]`."""

    start: int
    end: int
    meaning: Meaning


class Phrases(Generic[Meaning]):
    """A fixed set of phrases, each with what it means."""

    def __init__(self, meanings: Mapping[str, Meaning]) -> None:
        """A phrase of several words is known in one word too: off white, offwhite."""
        by_words = {words_of(phrase): meaning for phrase, meaning in meanings.items()}
        self._meanings = {("".join(words),): meaning for words, meaning in by_words.items()} | by_words
        lengths: defaultdict[str, set[int]] = defaultdict(set)
        for words in self._meanings:
            lengths[words[0]].add(len(words))
        self._lengths = {word: sorted(found, reverse=True) for word, found in lengths.items()}
        self._longest = max(map(len, self._meanings), default=0)

    def known(self) -> Iterator[str]:
        """The phrases, one blank between words."""
        return map(" ".join, self._meanings)

    def find(self, words: Sequence[str]) -> Iterator[Found[Meaning]]:
        """From left to right, without overlap; where several begin at one word, the longest."""
        lengths = self._lengths
        # Most words of a text begin no phrase.
        starts = [start for start, word in enumerate(words) if word in lengths]
        words = (*words, *[BREAK] * self._longest)  # a slice at the end is as long as any other
        end = 0
        for start in starts:
            if start < end:
                continue
            for length in lengths[words[start]]:
                meaning = self._meanings.get(words[start : start + length])
                if meaning is not None:
                    end = start + length
                    yield Found(start, end, meaning)
                    break
