# SPDX-License-Identifier: Apache-2.0
"""What the heads may answer, and which answers are right for a product: raw labels through the crosswalks."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from consumer.errors import Refused
from triton_models.training.datasets import CLOTHING_DATASET, FASHION_PRODUCT_IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from consumer.enrichment.ontology import Ontology
    from triton_models.training.datasets import LabelledProduct

#: Training rows that a word needs to become an answer, by the handles that have labels. A category or shade with fewer
#: counts for its parent; a value of another handle is a missing label.
FLOORS: Mapping[str, int] = MappingProxyType(
    {
        "category": 20,
        "target-gender": 1,
        "age-group": 1,
        "color": 100,
        "x-season": 1,
        "x-usage": 20,
        "sleeve-length-type": 1,
    }
)

_FILES = {FASHION_PRODUCT_IMAGES: "fpi", CLOTHING_DATASET: "clothing"}
#: The handle of a column whose crosswalk names bare words.
_HANDLES = {"articleType": "category", "baseColour": "color", "season": "x-season", "usage": "x-usage"}


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """From a data set's values to nodes and values of the ontology."""

    columns: Mapping[str, Mapping[str, Mapping[str, str]]]
    """By column and raw value, the ontology's word of each handle; a value that says nothing has none."""

    def words(self, product: LabelledProduct) -> dict[str, str]:
        """By handle, the ontology's word for a product; a missing label, or one without a word, is no entry."""
        words: dict[str, str] = {}
        for column, raw in product.labels.items():
            words |= self.columns.get(column, {}).get(raw, {})
        return words

    def unknown(self, product: LabelledProduct) -> Iterator[tuple[str, str]]:
        """Columns and raw values that the crosswalk has never heard of."""
        for column, raw in product.labels.items():
            if column in self.columns and raw not in self.columns[column]:
                yield column, raw


def load_crosswalk(dataset: str) -> Crosswalk:
    """The crosswalk of a data set. Raises Refused when there is none."""
    if dataset not in _FILES:
        raise Refused(f"there is no crosswalk for {dataset}; known: {', '.join(_FILES)}")
    file = resources.files("triton_models") / "ontology" / "crosswalks" / f"{_FILES[dataset]}.json"
    tree = json.loads(file.read_text(encoding="utf-8"))
    unmapped = tree.pop("unmapped", {})
    return Crosswalk(
        {
            column: {raw: _words(column, word) for raw, word in values.items()}
            | {raw: {} for raw in unmapped.get(column, ())}
            for column, values in tree.items()
            if isinstance(values, dict)
        }
    )


def _words(column: str, word: str | Mapping[str, str]) -> Mapping[str, str]:
    return {_HANDLES[column]: word} if isinstance(word, str) else word


@dataclass(frozen=True, slots=True)
class LabelSpace:
    """The answers of one task, in the column order that the bundle freezes."""

    handle: str
    labels: tuple[str, ...]
    admissible: Mapping[str, tuple[int, ...]]
    """By ontology word, the columns that are right: its own, or those below its nearest node that has any."""

    def targets(self, words: Sequence[str | None]) -> NDArray[np.bool_]:
        """`[n, K]`: the right columns of each product; a row without any is a missing label and is masked."""
        rows = np.zeros((len(words), len(self.labels)), dtype=np.bool_)
        for index, word in enumerate(words):
            if word is not None:
                rows[index, list(self.admissible.get(word, ()))] = True
        return rows


def label_spaces(ontology: Ontology, training: Mapping[str, Sequence[str | None]]) -> tuple[LabelSpace, ...]:
    """The answers of each handle: the words that its training rows hold often enough.

    A handle with fewer than two answers has nothing to learn and gets no space.
    """
    spaces = (
        _space(handle, Counter(word for word in words if word is not None), paths_of(ontology, handle))
        for handle, words in training.items()
    )
    return tuple(space for space in spaces if len(space.labels) > 1)


def paths_of(ontology: Ontology, handle: str) -> Mapping[str, tuple[str, ...]]:
    """Each word with those above it, root first, itself last."""
    if handle == "category":
        return {node: category.path for node, category in ontology.categories.items()}
    attribute = ontology.attribute(handle)
    return {value: (value,) for value in attribute.labels} | {
        shade: (kind.family, shade) for shade, kind in attribute.shades.items()
    }


def _space(handle: str, counts: Counter[str], paths: Mapping[str, tuple[str, ...]]) -> LabelSpace:
    frequent = tuple(word for word in paths if counts[word] >= FLOORS[handle])
    # A colour family is also a colour; a category with answers below is what several of them have in common.
    labels = frequent if handle != "category" else tuple(_without_ancestors(frequent, paths))
    return space_of(handle, labels, paths)


def space_of(handle: str, labels: tuple[str, ...], paths: Mapping[str, tuple[str, ...]]) -> LabelSpace:
    """The space of these answers; `paths` of all words of the handle."""
    columns = {label: (column,) for column, label in enumerate(labels)}
    below = {
        node: tuple(column for column, label in enumerate(labels) if node in paths[label])
        for node in {node for path in paths.values() for node in path}
    }
    admissible = {
        word: columns.get(word) or next((below[node] for node in reversed(path) if below[node]), ())
        for word, path in paths.items()
    }
    # A node above every answer says nothing.
    return LabelSpace(handle, labels, {word: right for word, right in admissible.items() if len(right) < len(labels)})


def _without_ancestors(words: Sequence[str], paths: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    above = {node for word in words for node in paths[word][:-1]}
    return (word for word in words if word not in above)
