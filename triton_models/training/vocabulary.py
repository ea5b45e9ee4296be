# SPDX-License-Identifier: Apache-2.0
"""The pieces that a bundle's tokeniser keeps of BERT's 30,522."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from consumer.bundle import SPECIAL_PIECES, Tokeniser

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from consumer.enrichment.ontology import Ontology

#: Words of the text format itself.
_MARKERS = ("brand", "description", "category", "colour", "color", "size", "material", "|")
#: Longer than any title.
_UNCUT = 512


def prune(full: Sequence[str], texts: Iterable[str]) -> tuple[str, ...]:
    """The special pieces, every single ASCII character, and what `texts` are split into, in BERT's order.

    The characters let a new Latin word be split further instead of becoming unknown. Pruning changes greedy splits, so
    it comes before everything that is learnt from tokens.
    """
    tokeniser = Tokeniser(full, _UNCUT)
    kept = set(SPECIAL_PIECES)
    for character in string.printable.lower():
        kept.update((character, f"##{character}"))
    for text in texts:
        kept.update(tokeniser.pieces(text))
    return tuple(piece for piece in full if piece in kept)


def lexicon(ontology: Ontology, colour_names: Iterable[str]) -> Iterator[str]:
    """Words that a text may hold although no training title does: the ontology's labels and the names of colours."""
    for category in ontology.categories.values():
        yield category.label
    for kind in ontology.attributes:
        yield from kind.labels.values()
        yield from (shade.label for shade in kind.shades.values())
    yield from colour_names
    yield from _MARKERS
