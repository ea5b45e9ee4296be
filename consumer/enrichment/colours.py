# SPDX-License-Identifier: Apache-2.0
"""Which colours in a text are the product's own: not those of its dial, its soles or what comes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.enrichment.phrases import BREAK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.enrichment.lexicon import Lexicon

COLOR = "color"


def is_of_a_part(lexicon: Lexicon, words: Sequence[str], start: int, end: int) -> bool:
    """Whether the colour at `words[start:end]` is that of a part: black leather strap, shirt with red buttons."""
    for word in reversed(words[:start]):
        if word == BREAK:
            break
        if word in lexicon.asides:
            return True
    for word in words[end:]:
        if word in lexicon.parts:
            return True
        if word not in lexicon.links:
            return False
    return False
