# SPDX-License-Identifier: Apache-2.0
"""Label spaces: the questions that figures are quoted for, each with its values, and how heads answer them.

A model answers in ontology words, a figure in a data set's own values. Which words stand for a value follows from the
crosswalk; a head's answer counts for the value with the nearest word at or above it, and answers that stand for no
value of the space are left out: the model chooses among the space's values.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from consumer.errors import OptionInvalid
from triton_models.training.datasets import CLOTHING_DATASET, FASHION_PRODUCT_IMAGES
from triton_models.training.labels import load_crosswalk, paths_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from consumer.enrichment.ontology import Ontology
    from triton_models.training.datasets import LabelledProduct

_FILES = {
    ("A", FASHION_PRODUCT_IMAGES): "space_a",
    ("B", FASHION_PRODUCT_IMAGES): "space_b",
    ("ours", FASHION_PRODUCT_IMAGES): "space_ours",
    ("ours", CLOTHING_DATASET): "space_ours_clothing",
}
#: The heads that tell the values of a task apart, where a crosswalk gives their words.
_HANDLES = {
    "gender": ("target-gender", "age-group"),
    "age": ("age-group",),
    "master": ("category",),
    "sub": ("category",),
    "article": ("category", "sleeve-length-type"),
    "colour": ("color",),
    "season": ("x-season",),
    "usage": ("x-usage",),
}
#: Tasks whose values are branches of the data set's own tree: article types lie in them, and no label names them.
_BRANCHES = {"master": "masterCategory", "sub": "subCategory"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of words that stands for a value: female and adult for Women."""

    value: str
    words: Mapping[str, str]
    """By handle; a handle without a word may say anything."""

    def agrees(self, other: Cell, handle: str) -> bool:
        """Whether a product may be in both by all heads but this one."""
        return all(
            other.words.get(elsewhere, word) == word for elsewhere, word in self.words.items() if elsewhere != handle
        )


@dataclass(frozen=True, slots=True)
class Question:
    """One task in one space."""

    task: str
    dataset: str
    column: str
    """Of the data set's table: where the right answer stands."""
    merged: Mapping[str, str]
    """The space's value by raw value; other raw values do not count."""
    cells: tuple[Cell, ...]
    _paths: Mapping[str, Mapping[str, tuple[str, ...]]]

    @property
    def values(self) -> tuple[str, ...]:
        """What may be answered."""
        return tuple(dict.fromkeys(self.merged.values()))

    @property
    def handles(self) -> tuple[str, ...]:
        """The heads that it takes to answer."""
        return tuple(dict.fromkeys(handle for cell in self.cells for handle in cell.words))

    def truth(self, product: LabelledProduct) -> str | None:
        """The right value; None for a missing label or one that is not of the space."""
        return self.merged.get(product.labels.get(self.column, ""))

    def answer(
        self, labels: Mapping[str, Sequence[str]], probabilities: Mapping[str, NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """`[n, values]` from `[n, K]` of each head; heads count as independent, rows sum to one.

        `labels` are the answers of each head, in the order of its columns. KeyError for a head that is not there.
        """
        values = self.values
        rows = len(probabilities[self.handles[0]])
        masses = np.zeros((rows, len(values)), dtype=np.float32)
        for cell in self.cells:
            mass = np.ones(rows, dtype=np.float32)
            for handle in cell.words:
                mass *= probabilities[handle][:, self._columns(cell, handle, labels[handle])].sum(1)
            masses[:, values.index(cell.value)] += mass
        total = masses.sum(1, keepdims=True)
        return np.divide(masses, total, out=np.full_like(masses, 1 / len(values)), where=total > 0)

    def _columns(self, cell: Cell, handle: str, labels: Sequence[str]) -> list[int]:
        """The head's answers whose nearest word among the cells that compete with this one is this cell's."""
        rivals = {other.words[handle] for other in self.cells if handle in other.words and cell.agrees(other, handle)}
        paths = self._paths[handle]
        return [
            column
            for column, label in enumerate(labels)
            if next((node for node in reversed(paths.get(label, ())) if node in rivals), None) == cell.words[handle]
        ]


@dataclass(frozen=True, slots=True)
class Space:
    """All questions of one label space about one data set."""

    name: str
    questions: tuple[Question, ...]
    required: tuple[str, ...]
    """Tasks that a row must have a value for, or it counts for none."""

    def qualifies(self, product: LabelledProduct) -> bool:
        """Whether the product counts in this space at all."""
        return all(question.truth(product) is not None for question in self.questions if question.task in self.required)


def load_space(name: str, dataset: str, ontology: Ontology) -> Space:
    """The space of that name for a data set. Raises OptionInvalid when it has none."""
    if (name, dataset) not in _FILES:
        raise OptionInvalid(f"{dataset} has no label space {name}")
    tree = _read(_FILES[name, dataset])
    questions = tuple(
        Question(
            task, dataset, column, tree[task], tuple(_cells(dataset, task, column, tree[task])), _paths(ontology, task)
        )
        for task, column in tree["columns"].items()
    )
    return Space(name, questions, tuple(tree["required"]))


def _cells(dataset: str, task: str, column: str, merged: Mapping[str, str]) -> Iterator[Cell]:
    if task in _BRANCHES:
        for word, branches in _read("fpi_branches")["category"].items():
            if branches[_BRANCHES[task]] in merged:
                yield Cell(merged[branches[_BRANCHES[task]]], {"category": word})
        return
    crosswalk = load_crosswalk(dataset).columns[column]
    seen = set()
    for raw, value in merged.items():
        words = {handle: word for handle, word in crosswalk[raw].items() if handle in _HANDLES[task]}
        # Boys and Girls are one age: counted twice, it would weigh twice.
        if words and (key := (value, *sorted(words.items()))) not in seen:
            seen.add(key)
            yield Cell(value, words)


def _paths(ontology: Ontology, task: str) -> dict[str, Mapping[str, tuple[str, ...]]]:
    return {handle: paths_of(ontology, handle) for handle in _HANDLES[task]}


def _read(name: str) -> dict[str, Any]:
    file = resources.files("triton_models") / "ontology" / "crosswalks" / f"{name}.json"
    tree: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return tree
