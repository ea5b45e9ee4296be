# SPDX-License-Identifier: Apache-2.0
"""From the model's probabilities to an attribute that a shop can use: a value, or ranked candidates. Pure functions.

Heads answer for the finest labels (category leaves, colour shades); whatever is coarser is a sum of them, so the levels
of one answer never contradict each other.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

from consumer.attributes import Attribute, Category, Evidence, Role, Status, Value
from consumer.enrichment.ontology import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from consumer.bundle import TaskThresholds
    from consumer.enrichment.ontology import AttributeKind, Ontology
    from consumer.enrichment.vendor import VendorValue
    from consumer.events import Opinion

#: Candidates shown beside the value.
MAX_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True)
class Question:
    """One task's answer for one product, and what it is judged by."""

    labels: tuple[str, ...]
    """Order of the opinion's probabilities."""
    opinion: Opinion
    thresholds: TaskThresholds
    vendor: VendorValue | None = None


def decide_category(ontology: Ontology, question: Question) -> Category:
    """The path to the most likely leaf; `id` is the deepest node on it that clears its threshold.

    No node clears the threshold for acceptance: the deepest that clears the one for suggestions.
    """
    leaves = _by_mass(dict(zip(question.labels, question.opinion.used, strict=True)))
    path = ontology.path(leaves[0].id)
    masses = _masses(question.labels, question.opinion.used, ontology.path)
    node, threshold, status = _deepest_safe(path, masses, question.thresholds)
    judged = node or path[-1]
    return Category(
        id=node,
        path=path,
        breadcrumb=ontology.categories[node].breadcrumb if node else None,
        google_id=ontology.google_id(node) if node else None,
        confidences=tuple(masses[step] for step in path),
        status=status,
        threshold=_reachable(threshold),
        alternatives=tuple(
            Value(leaf.id, ontology.categories[leaf.id].label, leaf.mass) for leaf in leaves[1 : 1 + MAX_ALTERNATIVES]
        ),
        evidence=_evidence(question, judged, ontology.path, says_so=_vendor_is_on(path, question.vendor)),
        vendor_raw=question.vendor.raw if question.vendor else None,
        normalised_from=_normalised_from(question.vendor),
    )


def category_from_vendor(ontology: Ontology, vendor: VendorValue | None) -> Category:
    """Without any model opinion: the vendor's category as a suggestion of confidence 0, or nothing."""
    if vendor is None or vendor.id is None:
        return Category(vendor_raw=vendor.raw if vendor else None)
    node = ontology.categories[vendor.id]
    return Category(
        id=node.id,
        path=node.path,
        breadcrumb=node.breadcrumb,
        google_id=node.google_id,
        confidences=(0.0,) * len(node.path),
        status=Status.SUGGESTED,
        evidence=Evidence(vendor=1.0),
        vendor_raw=vendor.raw,
        normalised_from=vendor.raw,
    )


def decide_attribute(kind: AttributeKind, question: Question) -> Attribute:
    """Values when the first is accepted or suggested, else none; the other candidates stand in `alternatives`.

    Of an attribute with several values the further ones must clear the threshold for acceptance, each its own.
    """

    def family(label: str) -> tuple[str]:
        return (kind.family_of(label),)

    masses = _masses(question.labels, question.opinion.used, family)
    ranked = _by_mass({value: masses[value] for value in kind.labels if value in masses})
    first = ranked[0]
    status = _status(first, question, agrees=_agrees(kind, question, first.id))
    chosen = [] if status is Status.ABSTAINED else [first, *_further(kind, ranked, question.thresholds)]
    others = [entry for entry in ranked if entry not in chosen][:MAX_ALTERNATIVES]
    says_so = _vendor_family(kind, question.vendor)
    return Attribute(
        handle=kind.handle,
        attribute_id=kind.id,
        values=tuple(
            _value(kind, question, entry, Role.SECONDARY if rank else Role.PRIMARY) for rank, entry in enumerate(chosen)
        ),
        status=status,
        threshold=_reachable(question.thresholds.accept_of(first.id)),
        alternatives=tuple(_value(kind, question, entry, Role.UNKNOWN) for entry in others),
        evidence=_evidence(question, first.id, family, says_so=None if says_so is None else says_so == first.id),
        vendor_raw=question.vendor.raw if question.vendor else None,
        normalised_from=_normalised_from(question.vendor),
    )


def attribute_from_vendor(kind: AttributeKind, vendor: VendorValue | None) -> Attribute:
    """Without any model opinion: the vendor's value as a suggestion of confidence 0, or nothing."""
    empty = Attribute(kind.handle, kind.id, vendor_raw=vendor.raw if vendor else None)
    value_id = _vendor_family(kind, vendor)
    if vendor is None or value_id is None:
        return empty
    shade = kind.shades.get(vendor.id or "")
    value = Value(
        value_id,
        kind.labels[value_id],
        confidence=0.0,
        role=Role.PRIMARY,
        shade_id=shade.id if shade else None,
        shade_label=shade.label if shade else None,
    )
    return Attribute(
        handle=kind.handle,
        attribute_id=kind.id,
        values=(value,),
        status=Status.SUGGESTED,
        evidence=Evidence(vendor=1.0),
        vendor_raw=vendor.raw,
        normalised_from=vendor.raw,
    )


@dataclass(frozen=True, slots=True)
class _Ranked:
    id: str
    mass: float


def _by_mass(masses: Mapping[str, float]) -> list[_Ranked]:
    """Best first; equal ones in the order given."""
    return [_Ranked(node, min(1.0, mass)) for node, mass in sorted(masses.items(), key=lambda entry: -entry[1])]


def _masses(
    labels: Sequence[str], probabilities: Sequence[float], counts_for: Callable[[str], tuple[str, ...]]
) -> dict[str, float]:
    """Probability of every node that a label counts for. The exact sum: a parent never has less than its child."""
    shares: defaultdict[str, list[float]] = defaultdict(list)
    for label, probability in zip(labels, probabilities, strict=True):
        for node in counts_for(label):
            shares[node].append(probability)
    return {node: min(1.0, fsum(parts)) for node, parts in shares.items()}


def _deepest_safe(
    path: tuple[str, ...], masses: Mapping[str, float], thresholds: TaskThresholds
) -> tuple[str | None, float, Status]:
    for node in reversed(path):
        if masses[node] >= thresholds.accept_of(node):
            return node, thresholds.accept_of(node), Status.ACCEPTED
    for node in reversed(path):
        if masses[node] >= thresholds.suggest:
            return node, thresholds.suggest, Status.SUGGESTED
    return None, thresholds.suggest, Status.ABSTAINED


def _status(first: _Ranked, question: Question, *, agrees: bool) -> Status:
    clears = first.mass >= question.thresholds.accept_of(first.id)
    if clears and agrees:
        return Status.ACCEPTED
    return Status.SUGGESTED if clears or first.mass >= question.thresholds.suggest else Status.ABSTAINED


def _agrees(kind: AttributeKind, question: Question, value_id: str) -> bool:
    """Whether the attribute's policy lets this value be accepted."""
    if kind.policy is not Policy.AGREE:
        return kind.policy is Policy.AUTO
    if _vendor_family(kind, question.vendor) == value_id:
        return True
    if question.opinion.text is None:
        return False
    by_text = _masses(question.labels, question.opinion.text, lambda label: (kind.family_of(label),))
    return max(by_text, key=lambda value: by_text[value]) == value_id


def _further(kind: AttributeKind, ranked: Sequence[_Ranked], thresholds: TaskThresholds) -> list[_Ranked]:
    cleared = [entry for entry in ranked[1:] if entry.mass >= thresholds.accept_of(entry.id)]
    return cleared[: kind.max_values - 1]


def _value(kind: AttributeKind, question: Question, entry: _Ranked, role: Role) -> Value:
    """A family is shown with its most likely shade, unless the plain family is likelier than each of its shades."""
    finest = max(
        (
            _Ranked(label, min(1.0, probability))
            for label, probability in zip(question.labels, question.opinion.used, strict=True)
            if kind.family_of(label) == entry.id
        ),
        key=lambda shade: shade.mass,
    )
    if finest.id not in kind.shades:
        return Value(entry.id, kind.labels[entry.id], entry.mass, role)
    shade = kind.shades[finest.id]
    return Value(entry.id, kind.labels[entry.id], entry.mass, role, shade.id, shade.label, finest.mass)


def _evidence(
    question: Question, judged: str, counts_for: Callable[[str], tuple[str, ...]], *, says_so: bool | None
) -> Evidence:
    def by(probabilities: Sequence[float] | None) -> float | None:
        if probabilities is None:
            return None
        shares = zip(question.labels, probabilities, strict=True)
        return min(1.0, fsum(probability for label, probability in shares if judged in counts_for(label)))

    return Evidence(
        image=by(question.opinion.image),
        text=by(question.opinion.text),
        vendor=None if says_so is None else float(says_so),
    )


def _vendor_family(kind: AttributeKind, vendor: VendorValue | None) -> str | None:
    return kind.family_of(vendor.id) if vendor and vendor.id else None


def _vendor_is_on(path: tuple[str, ...], vendor: VendorValue | None) -> bool | None:
    return vendor.id in path if vendor and vendor.id else None


def _normalised_from(vendor: VendorValue | None) -> str | None:
    return vendor.raw if vendor and vendor.id else None


def _reachable(threshold: float) -> float | None:
    """None for a threshold that no probability can clear."""
    return threshold if threshold <= 1 else None
