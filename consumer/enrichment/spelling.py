# SPDX-License-Identifier: Apache-2.0
"""One slip in a long word: `sleevless` is sleeveless, `polyster` polyester, and `thressqatar` is nothing."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: Shorter words have too many neighbours that are words of their own: a tank is no tan.
MIN_LETTERS = 6
#: A wrong letter asks for more letters that are right: a stride is no stripe, a string no spring.
MIN_LETTERS_WRONG_ONE = 8
#: Longer ones are no words.
MAX_LETTERS = 24

_REMEMBERED = 8_192


class Spelling:
    """Corrects one missing, extra, swapped or wrong letter after the first, where only one known word fits."""

    def __init__(self, known: Collection[str], right: Collection[str]) -> None:
        """`known`: words to correct to. `right`: words that look like a slip of one of them and are none."""
        self._right = frozenset(known) | frozenset(right)
        self._by_trace: defaultdict[str, set[str]] = defaultdict(set)
        for word in known:
            if len(word) >= MIN_LETTERS and word.isalpha():
                for trace in _traces(word):
                    self._by_trace[trace].add(word)
        self.corrected = lru_cache(_REMEMBERED)(self._corrected)

    def _corrected(self, word: str) -> str:
        if word in self._right or not MIN_LETTERS - 1 <= len(word) <= MAX_LETTERS or not word.isalpha():
            return word
        near = {known for trace in _traces(word) for known in self._by_trace.get(trace, ()) if _is_slip(word, known)}
        return near.pop() if len(near) == 1 else word


def _traces(word: str) -> Iterator[str]:
    """The word, and the word without each letter but the first: words one slip apart have one of these in common."""
    yield word
    for position in range(1, len(word)):
        yield word[:position] + word[position + 1 :]


def _is_slip(word: str, known: str) -> bool:
    if word == f"{known}s" or known == f"{word}s":  # one or several, not a slip
        return False
    start = 0
    while word[start : start + 1] == known[start : start + 1] != "":
        start += 1
    written, meant = word[start:], known[start:]
    while written and meant and written[-1] == meant[-1]:
        written, meant = written[:-1], meant[:-1]
    if len(written) != len(meant):
        return len(written) + len(meant) == 1
    if len(written) == 1:
        return len(known) >= MIN_LETTERS_WRONG_ONE
    return len(written) == 2 and written == meant[::-1]  # noqa: PLR2004 - a pair of letters
