# SPDX-License-Identifier: Apache-2.0
"""One task's answer for one product, what it is judged by, and what else is said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from consumer.attributes import Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.bundle import TaskThresholds
    from consumer.enrichment.labels import Labels
    from consumer.enrichment.lexicon import Kin
    from consumer.enrichment.vendor import VendorValue
    from consumer.events import Opinion

#: Candidates shown beside the value.
MAX_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What decides one attribute of one product."""

    labels: Labels
    """Of the opinion's probabilities."""
    opinion: Opinion
    thresholds: TaskThresholds
    vendor: VendorValue | None = None
    said: tuple[str, ...] = ()
    """Values and shades that title and description name, in order."""
    kin: Kin = frozenset()

    def masses(self) -> dict[str, float]:
        """Probability of every node or value that a label counts for."""
        return self.labels.sums(self.opinion.used)

    def evidence(self, judged: str, *, vendor_says_so: bool | None) -> Evidence:
        """What each source alone gives for `judged`."""

        def by(probabilities: Sequence[float] | None) -> float | None:
            return None if probabilities is None else self.labels.sum_of(judged, probabilities)

        return Evidence(
            image=by(self.opinion.image),
            text=by(self.opinion.text),
            vendor=None if vendor_says_so is None else float(vendor_says_so),
        )


class Ranked(NamedTuple):
    """A candidate and its probability."""

    id: str
    mass: float


def by_mass(masses: Mapping[str, float]) -> list[Ranked]:
    """Best first; equal ones in the order given."""
    return [Ranked(node, masses[node]) for node in sorted(masses, key=masses.__getitem__, reverse=True)]
