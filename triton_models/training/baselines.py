# SPDX-License-Identifier: Apache-2.0
"""What a model must beat: the commonest answer, and the words of the title."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triton_models.training.titles import named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triton_models.training.labels import Crosswalk
    from triton_models.training.titles import TitleWords


def majority(words: Iterable[str | None]) -> str:
    """The commonest ontology word of the training split. ValueError without any."""
    counts = Counter(word for word in words if word is not None)
    if not counts:
        raise ValueError("no labelled row")
    return counts.most_common(1)[0][0]


@dataclass(frozen=True, slots=True)
class LexicalRule:
    """Answers from the title alone: first colour, else Black; first gender, else Men; last type, else Tshirts."""

    words: TitleWords
    crosswalk: Crosswalk

    def answer(self, handle: str, title: str) -> str:
        """The ontology word that the rule gives. KeyError for an unknown task."""
        match handle:
            case "category":
                types = named(title, self.words.types)
                return self._word("articleType", types[-1] if types else "Tshirts", handle)
            case "target-gender":
                return self._word("gender", (*named(title, self.words.genders), "Men")[0], handle)
            case "color":
                return self._word("baseColour", (*named(title, self.words.colours), "Black")[0], handle)
            case _:
                raise KeyError(handle)

    def _word(self, column: str, raw: str, handle: str) -> str:
        return self.crosswalk.columns[column][raw].get(handle, "")
