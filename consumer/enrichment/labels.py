# SPDX-License-Identifier: Apache-2.0
"""The finest labels, which a head answers, and the sums over them: nodes above leaves, colours above shades."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from consumer.enrichment.ontology import AttributeKind, Ontology


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one head. Built once for a bundle: what is summed is the same for every product."""

    finest: tuple[str, ...]
    """Order of the head's probabilities."""
    columns: Mapping[str, tuple[int, ...]]
    """By node or value, the columns that count for it."""

    def sums(self, probabilities: Sequence[float]) -> dict[str, float]:
        """Probability of every node or value, in the order of `columns`. A parent never has less than its child."""
        return {
            node: probabilities[columns[0]] if len(columns) == 1 else _sum(probabilities, columns)
            for node, columns in self.columns.items()
        }

    def sum_of(self, node: str, probabilities: Sequence[float]) -> float:
        """Probability of one node or value; 0 for one that no label counts for."""
        return _sum(probabilities, self.columns.get(node, ()))


def category_labels(ontology: Ontology, finest: tuple[str, ...]) -> Labels:
    """A node of the tree counts for all nodes above it."""
    counted = ((column, node) for column, leaf in enumerate(finest) for node in ontology.path(leaf))
    return Labels(finest, _columns(counted))


def attribute_labels(kind: AttributeKind, finest: tuple[str, ...]) -> Labels:
    """A shade counts for its family; values stand in the ontology's order."""
    columns = _columns((column, kind.family_of(label)) for column, label in enumerate(finest))
    return Labels(finest, {value: columns[value] for value in kind.labels if value in columns})


def _columns(counted: Iterable[tuple[int, str]]) -> dict[str, tuple[int, ...]]:
    columns: defaultdict[str, list[int]] = defaultdict(list)
    for column, node in counted:
        columns[node].append(column)
    return {node: tuple(found) for node, found in columns.items()}


def _sum(probabilities: Sequence[float], columns: Sequence[int]) -> float:
    """The exact sum; at most one, which 32-bit probabilities may add up to more than."""
    return min(1.0, fsum([probabilities[column] for column in columns]))
