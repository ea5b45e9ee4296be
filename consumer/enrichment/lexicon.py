# SPDX-License-Identifier: Apache-2.0
"""How vendors say what the ontology names: colour names, fabrics, cuts, and the phrases in which they mean nothing.

The files lie beside the ontology (`triton_models/ontology/lexicons/`); a bundle's manifest names the version. Facts
about the file are in `docs/decisions/`; `tests/unit/enrichment/test_lexicon.py` holds it against the ontology.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from consumer.enrichment.phrases import Phrases, words_of
from consumer.enrichment.spelling import Spelling
from consumer.errors import IncompatibleModels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Meaning = dict[str, str]
"""Value or shade id by handle; a phrase may say several things (boys: gender and age). Empty: it says nothing."""

Kin = frozenset[frozenset[str]]
"""Pairs of values between which people differ in words only: navy and blue."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One version of all words. Built once; every look-up costs a few dictionary accesses."""

    version: str
    text: Phrases[Meaning]
    """What a phrase means in running text."""
    field: Phrases[Meaning]
    """What it means where a vendor names this very attribute: `sand` is a colour in a colour's field only."""
    categories: Mapping[tuple[str, ...], str]
    """How vendors call nodes of the category tree, beside their labels."""
    fields: Mapping[tuple[str, ...], tuple[str, ...]]
    """How vendors name an attribute, and the handles that its value may speak of."""
    parts: frozenset[str]
    """A colour before one of these is the colour of a part: black dial."""
    links: frozenset[str]
    """Words that may stand between a colour and its part: black leather strap."""
    asides: frozenset[str]
    """From these on, a text names extras: with white soles."""
    negations: frozenset[str]
    kin: Mapping[str, Kin]
    spelling: Spelling

    @classmethod
    def load(cls, version: str) -> Lexicon:
        """The shipped lexicon of that version. Raises IncompatibleModels when there is none."""
        file = resources.files("triton_models") / "ontology" / "lexicons" / f"{version}.json"
        try:
            tree = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise IncompatibleModels(f"the bundle was made for lexicon {version}, which this build lacks") from error
        text = _meanings(tree["words"])
        field = _merged(text, _meanings(tree["field_words"]))
        traps: dict[str, Meaning] = {phrase: {} for phrase in tree["traps"]}
        categories = {words_of(name): node for node, names in tree["categories"].items() for name in names}
        return cls(
            version=tree["version"],
            text=Phrases(text | traps),
            field=Phrases(traps | field),
            categories=categories,
            fields={words_of(name): tuple(entry["handles"]) for entry in tree["fields"] for name in entry["names"]},
            parts=frozenset(tree["parts"]),
            links=frozenset(tree["links"]),
            asides=frozenset(tree["asides"]),
            negations=frozenset(tree["negations"]),
            kin={handle: frozenset(map(frozenset, pairs)) for handle, pairs in tree["kin"].items()},
            spelling=Spelling(
                known=_words(text),
                right={*_words(field), *_words(traps), *tree["parts"], *tree["spelled_right"], *sum(categories, ())},
            ),
        )

    def words(self, text: str) -> tuple[str, ...]:
        """The words of a short text, slips corrected."""
        return self.corrected(words_of(text))

    def corrected(self, words: Sequence[str]) -> tuple[str, ...]:
        """The same words without slips."""
        return tuple(map(self.spelling.corrected, words))


def _meanings(table: Mapping[str, Mapping[str, list[str]]]) -> dict[str, Meaning]:
    meanings: defaultdict[str, Meaning] = defaultdict(dict)
    for handle, values in table.items():
        for value, phrases in values.items():
            for phrase in phrases:
                meanings[phrase][handle] = value
    return dict(meanings)


def _words(phrases: Iterable[str]) -> set[str]:
    return {word for phrase in phrases for word in words_of(phrase)}


def _merged(one: Mapping[str, Meaning], other: Mapping[str, Meaning]) -> dict[str, Meaning]:
    return {phrase: one.get(phrase, {}) | other.get(phrase, {}) for phrase in {**one, **other}}
