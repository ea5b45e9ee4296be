# SPDX-License-Identifier: Apache-2.0
"""One task's answer for one product, what it is judged by, and what else is said about it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from math import fsum
from typing import TYPE_CHECKING

from consumer.attributes import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from consumer.bundle import TaskThresholds
    from consumer.enrichment.lexicon import Kin
    from consumer.enrichment.vendor import VendorValue
    from consumer.events import Opinion

#: Candidates shown beside the value.
MAX_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What decides one attribute of one product."""

    labels: tuple[str, ...]
    """Order of the opinion's probabilities."""
    opinion: Opinion
    thresholds: TaskThresholds
    vendor: VendorValue | None = None
    said: tuple[str, ...] = ()
    """Values and shades that title and description name, in order."""
    kin: Kin = frozenset()

    def masses(self, counts_for: Callable[[str], tuple[str, ...]]) -> dict[str, float]:
        """Probability of every node or value that a label counts for."""
        return summed(self.labels, self.opinion.used, counts_for)

    def evidence(
        self, judged: str, counts_for: Callable[[str], tuple[str, ...]], *, vendor_says_so: bool | None
    ) -> Evidence:
        """What each source alone gives for `judged`."""
        columns = _columns(tuple(map(counts_for, self.labels))).get(judged, ())

        def by(probabilities: Sequence[float] | None) -> float | None:
            if probabilities is None:
                return None
            return _sum([probabilities[column] for column in columns]) if columns else 0.0

        return Evidence(
            image=by(self.opinion.image),
            text=by(self.opinion.text),
            vendor=None if vendor_says_so is None else float(vendor_says_so),
        )


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate and its probability."""

    id: str
    mass: float


def by_mass(masses: Mapping[str, float]) -> list[Ranked]:
    """Best first; equal ones in the order given."""
    return [Ranked(node, min(1.0, mass)) for node, mass in sorted(masses.items(), key=lambda entry: -entry[1])]


def summed(
    labels: Sequence[str], probabilities: Sequence[float], counts_for: Callable[[str], tuple[str, ...]]
) -> dict[str, float]:
    """Probability of every node that a label counts for. The exact sum: a parent never has less than its child."""
    columns = _columns(tuple(map(counts_for, labels)))
    return {node: _sum([probabilities[column] for column in found]) for node, found in columns.items()}


def _sum(parts: Sequence[float]) -> float:
    """At most one, which 32-bit probabilities may add up to more than."""
    return min(1.0, parts[0] if len(parts) == 1 else fsum(parts))


@lru_cache(maxsize=64)
def _columns(counted: tuple[tuple[str, ...], ...]) -> Mapping[str, tuple[int, ...]]:
    """By node, the columns that count for it; the same for every product of one bundle."""
    columns: defaultdict[str, list[int]] = defaultdict(list)
    for column, nodes in enumerate(counted):
        for node in nodes:
            columns[node].append(column)
    return {node: tuple(found) for node, found in columns.items()}
