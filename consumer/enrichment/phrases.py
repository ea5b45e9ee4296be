# SPDX-License-Identifier: Apache-2.0
"""Known phrases in a vendor's text: the longest first, each word once, at a cost that grows with the words alone."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Meaning = TypeVar("Meaning")

#: A title has ten words and a long description three hundred; what comes later is not about the product, or hostile.
MAX_WORDS = 400
MAX_CHARACTERS = 8_000

#: Stands for punctuation: no phrase goes across it.
BREAK = ","

# A hyphen within a word only parts it (v-neck), between spaces it is punctuation. A slash joins: black/white.
_WORD = re.compile(r"[^\W_]+|[,;.|()\[\]{}!?:]|(?<=\s)[-\u2013\u2014](?=\s)")


def words_of(text: str) -> tuple[str, ...]:
    """Words without case and accents, with a `BREAK` for each punctuation mark; at most `MAX_WORDS`."""
    # Women's and womens are one word.
    folded = text[:MAX_CHARACTERS].casefold().replace("'", "").replace("\u2019", "").replace("&", " and ")
    if not folded.isascii():
        folded = "".join(
            letter for letter in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(letter)
        )
    found = islice(_WORD.finditer(folded), MAX_WORDS)
    return tuple(match[0] if match[0].isalnum() else BREAK for match in found)


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
        self._longest: dict[str, int] = {}
        for words in self._meanings:
            self._longest[words[0]] = max(len(words), self._longest.get(words[0], 0))

    def find(self, words: Sequence[str]) -> Iterator[Found[Meaning]]:
        """From left to right, without overlap; where several begin at one word, the longest."""
        start = 0
        while start < len(words):
            found = self._at(words, start)
            if found is None:
                start += 1
            else:
                yield found
                start = found.end

    def _at(self, words: Sequence[str], start: int) -> Found[Meaning] | None:
        longest = min(self._longest.get(words[start], 0), len(words) - start)
        for end in range(start + longest, start, -1):
            phrase = tuple(words[start:end])
            if phrase in self._meanings:
                return Found(start, end, self._meanings[phrase])
        return None
