# SPDX-License-Identifier: Apache-2.0
"""One task's answer for one product, what it is judged by, and what else is said about it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
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
        columns = [column for column, label in enumerate(self.labels) if judged in counts_for(label)]

        def by(probabilities: Sequence[float] | None) -> float | None:
            if probabilities is None:
                return None
            return min(1.0, fsum([probabilities[column] for column in columns]))

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
    shares: defaultdict[str, list[float]] = defaultdict(list)
    for label, probability in zip(labels, probabilities, strict=True):
        for node in counts_for(label):
            shares[node].append(probability)
    return {node: min(1.0, fsum(parts)) for node, parts in shares.items()}
