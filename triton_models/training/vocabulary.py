# SPDX-License-Identifier: Apache-2.0
"""The pieces that a bundle's tokeniser keeps of BERT's 30,522."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

from consumer.bundle import SPECIAL_PIECES, Tokeniser
from consumer.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from consumer.enrichment.ontology import Ontology

#: Words of the text format itself.
_MARKERS = ("brand", "description", "category", "colour", "color", "size", "material", "|")
#: Numbers and identifiers are no words.
_WORD = re.compile(r"\b[^\W\d_]+\b")
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


def other_words(ontology: Ontology, files: Iterable[Path]) -> Iterator[str]:
    """Words that a text may hold although no training title does: the ontology's labels, and all words of some files.

    Raises Refused when a file cannot be read.
    """
    for category in ontology.categories.values():
        yield category.label
    for kind in ontology.attributes:
        yield from kind.labels.values()
        yield from (shade.label for shade in kind.shades.values())
    yield from _MARKERS
    for file in files:
        try:
            yield from set(_WORD.findall(file.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"{file} cannot be read: words for the vocabulary") from error
