# SPDX-License-Identifier: Apache-2.0
"""Where the model's opinion and the vendor's word cannot both be true: neither is accepted, a person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.attributes import Attribute, Category, Review, Status
from consumer.enrichment.nouns import BRANCH_DEPTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.enrichment.ontology import AttributeKind, Ontology
    from consumer.enrichment.question import Question, Ranked
    from consumer.enrichment.vendor import VendorValue

#: The model's value must be so much likelier than the vendor's. Both together have at most the whole mass, so beyond
#: this margin the vendor's calibrated chance is below one in four.
MARGIN = 0.5

#: Shops file scarves and belts under clothing.
_FILED_ALIKE = {("aa", "aa-1"), ("aa", "aa-2")}

#: `review.reasons`.
CONFLICT = "conflict"
NO_EVIDENCE = "no_evidence"


def disputed_value(kind: AttributeKind, question: Question, ranked: Sequence[Ranked]) -> Ranked | None:
    """The vendor's likeliest value where it contradicts the model's first; None where they get along.

    A value that the model cannot answer is no contradiction, and neither are two words for about the same thing.
    """
    first = ranked[0]
    claimed = set(families(kind, question))
    sides = [entry for entry in ranked if entry.id in claimed]
    if not sides or first.id in claimed or first.mass < question.thresholds.suggest:
        return None
    is_kin = any(frozenset({first.id, value}) in question.kin for value in claimed)
    return None if is_kin or first.mass - sides[0].mass <= MARGIN else sides[0]


def disputed_node(
    ontology: Ontology, vendor: VendorValue | None, path: Sequence[str], masses: Mapping[str, float], safe: str | None
) -> str | None:
    """The vendor's category where its branch contradicts the safe part of the model's path; None where they get along.

    A node that the model has no leaf below is judged by the nearest one above it.
    """
    if safe is None or vendor is None or not vendor.ids:
        return None
    claimed = ontology.path(vendor.ids[0])
    ours = next((node for node in path if node not in claimed), None)
    theirs = next((node for node in claimed if node not in path), None)
    is_within_safe = ours is not None and ours in ontology.path(safe)
    if ours is None or theirs is None or theirs not in masses or not is_within_safe:
        return None
    return claimed[-1] if masses[ours] - masses[theirs] > MARGIN else None


def contradicted_title(ontology: Ontology, question: Question) -> str | None:
    """The vendor's category where the title names a thing of another branch, and no photo shows which it is."""
    if question.opinion.image is not None or not question.said or not (question.vendor and question.vendor.ids):
        return None
    title, vendor = question.said[0], question.vendor.ids[0]
    filed = {ontology.path(node)[:BRANCH_DEPTH] for node in (title, vendor)}
    return None if is_on_branch(ontology, title, vendor) or filed == _FILED_ALIKE else vendor


def is_on_branch(ontology: Ontology, one: str, other: str) -> bool:
    """Whether two nodes are of one branch: both clothing, or one above the other.

    Where the title of a validation product names a node of another branch than the head, the title is right in 7 of 8
    products and the head in none; with the photo in 5 of 6 and in none.
    """
    paths = ontology.path(one)[:BRANCH_DEPTH], ontology.path(other)[:BRANCH_DEPTH]
    return all(mine == theirs for mine, theirs in zip(*paths, strict=False))


def families(kind: AttributeKind, question: Question) -> tuple[str, ...]:
    """The values that the vendor names; of a shade, its family."""
    return tuple(dict.fromkeys(map(kind.family_of, question.vendor.ids))) if question.vendor else ()


def review(category: Category, attributes: Sequence[Attribute], *, has_evidence: bool) -> Review:
    """Why a person should look, and how urgently: a conflict by its margin times the likelier side's confidence."""
    urgencies = [_urgency(entry) for entry in attributes if entry.status is Status.CONFLICT]
    if category.status is Status.CONFLICT:
        urgencies.append(_category_urgency(category))
    reasons = ((NO_EVIDENCE,) if not has_evidence else ()) + ((CONFLICT,) if urgencies else ())
    return Review(needed=bool(reasons), reasons=reasons, priority=max(urgencies, default=0.0))


def _urgency(attribute: Attribute) -> float:
    """In a conflict the alternatives are its two sides, the model's first."""
    ours, theirs = attribute.alternatives
    return _urgency_of(ours.confidence, theirs.confidence)


def _category_urgency(category: Category) -> float:
    ours = category.confidences[category.path.index(category.id)] if category.id else 0.0
    return _urgency_of(ours, category.alternatives[0].confidence)


def _urgency_of(ours: float, theirs: float) -> float:
    return abs(ours - theirs) * max(ours, theirs)
