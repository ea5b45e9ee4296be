# SPDX-License-Identifier: Apache-2.0
"""The words of a title that give an answer away: found for the lexical baseline, deleted against dependence on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from triton_models.training.labels import Crosswalk

_WORD = re.compile(r"\w+")

#: What the words of a title can give away.
Kind = Literal["colour", "gender", "type"]
KINDS: frozenset[Kind] = frozenset({"colour", "gender", "type"})

#: By raw value, the words that say it. `kids` says neither boy nor girl and is deleted only.
_GENDER_WORDS = {
    "Men": ("men", "mens", "man", "male", "gents"),
    "Women": ("women", "womens", "woman", "female", "ladies"),
    "Unisex": ("unisex",),
    "Boys": ("boy", "boys"),
    "Girls": ("girl", "girls"),
}
_GENDERLESS_WORDS = ("kid", "kids", "s")
#: How titles spell types whose name is written otherwise.
_OTHER_SPELLINGS = {
    "tshirt": "Tshirts",
    "t shirt": "Tshirts",
    "t shirts": "Tshirts",
    "tee": "Tshirts",
    "polo": "Tshirts",
    "saree": "Sarees",
    "kurta": "Kurtas",
    "perfume": "Perfume and Body Mist",
    "body mist": "Perfume and Body Mist",
    "necklace": "Necklace and Chains",
    "wallet": "Wallets",
    "flip flop": "Flip Flops",
}
#: Endings of plurals that are more than an s.
_SINGULARS = {"sses": "ss", "ches": "ch", "ves": "f"}


@dataclass(frozen=True, slots=True)
class TitleWords:
    """Phrases by what they say: colours, genders and types, each with its raw value."""

    colours: Mapping[str, str]
    genders: Mapping[str, str]
    types: Mapping[str, str]

    def strip(self, title: str, kinds: frozenset[Kind] = KINDS) -> str:
        """The title without any phrase that says something of these kinds."""
        phrases = {
            "colour": (*self.colours,),
            "gender": (*self.genders, *_GENDERLESS_WORDS),
            "type": (*self.types,),
        }
        # In a fixed order: a pattern is kept by its phrases.
        unwanted = tuple(phrase for kind in sorted(kinds) for phrase in phrases[kind])
        words = " ".join(_WORD.findall(title.casefold()))
        return " ".join(_phrase_pattern(unwanted).sub(" ", words).split()) if kinds else words


def title_words(crosswalk: Crosswalk) -> TitleWords:
    """The phrases of the data set's own value names, with their singulars and plurals."""
    return TitleWords(
        colours={_plain(name): name for name in crosswalk.columns["baseColour"]},
        genders={word: name for name, words in _GENDER_WORDS.items() for word in words},
        types=_OTHER_SPELLINGS | {form: name for name in crosswalk.columns["articleType"] for form in _forms(name)},
    )


def named(title: str, phrases: Mapping[str, str]) -> tuple[str, ...]:
    """The values that a title names, in order; the longest phrase wins where two overlap."""
    words = " ".join(_WORD.findall(title.casefold()))
    return tuple(phrases[match[0]] for match in _phrase_pattern(tuple(phrases)).finditer(words))


@lru_cache(maxsize=16)
def _phrase_pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")


def _plain(name: str) -> str:
    return " ".join(_WORD.findall(name.casefold()))


def _forms(name: str) -> Iterable[str]:
    plain = _plain(name)
    yield plain
    if not plain.endswith("s"):
        yield f"{plain}s"
    elif not plain.endswith("ss"):
        yield plain[:-1]
        yield from (plain[: -len(plural)] + one for plural, one in _SINGULARS.items() if plain.endswith(plural))
