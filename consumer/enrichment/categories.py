# SPDX-License-Identifier: Apache-2.0
"""A product's place in the category tree: the path to the likeliest leaf, and how deep it is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.attributes import Category, Evidence, Status, Value
from consumer.enrichment.conflicts import contradicted_title, disputed_node, is_on_branch
from consumer.enrichment.nouns import deepest
from consumer.enrichment.question import MAX_ALTERNATIVES, by_mass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.bundle import TaskThresholds
    from consumer.enrichment.ontology import Ontology
    from consumer.enrichment.question import Question, Ranked
    from consumer.enrichment.vendor import VendorValue

#: A likeliest leaf below this is a guess, of what is seen and of what is only read. Of the validation products whose
#: title names one other node, the title is right in 9 and the model in 1 of the 10 below the first; in 21 and none of
#: the 24 whose title alone is below the second.
SURE_LEAF_SEEN = 0.5
SURE_LEAF_READ = 0.6

#: Below one in twenty, a leaf does not take part in what a shallow node's attributes are: every other product would
#: lose its neckline to a chance of one percent that it is a shoe.
LIKELY_LEAF = 0.05


def decide_category(ontology: Ontology, question: Question) -> Category:
    """The path to the most likely leaf; `id` is the deepest node on it that clears its threshold.

    Where the model only guesses, the path leads to the node that vendor or title name; to the title's also where that
    is of another branch than the likeliest leaf. No node clears the threshold
    for acceptance: the deepest that clears the one for suggestions. Leaves are summed up the tree, so no node has more
    mass than its parent. In a conflict the vendor's node is the only alternative; where title and vendor contradict
    each other and no photo settles it, the path is the title's.
    """
    leaves = by_mass(dict(zip(question.labels.finest, question.opinion.used, strict=True)))
    contradicted = contradicted_title(ontology, question)
    path = _leading_path(ontology, question, leaves, is_torn=contradicted is not None)
    masses = question.masses()
    masses |= {step: 0.0 for step in path if step not in masses}
    node, threshold, status = _deepest_safe(path, masses, question.thresholds)
    vendor = question.vendor
    disputed = contradicted or disputed_node(ontology, vendor, path, masses, node)
    if node is None and not disputed and path[-1] != leaves[0].id:
        node, status = path[-1], Status.SUGGESTED
    return Category(
        id=node,
        path=path,
        breadcrumb=ontology.categories[node].breadcrumb if node else None,
        google_id=ontology.google_id(node) if node else None,
        confidences=tuple(masses[step] for step in path),
        status=Status.CONFLICT if disputed else status,
        threshold=reachable(threshold),
        alternatives=(_value(ontology, disputed, masses),) if disputed else _others(ontology, leaves, path),
        evidence=question.evidence(
            node or path[-1],
            vendor_says_so=vendor.ids[0] in path if vendor and vendor.ids else None,
        ),
        vendor_raw=vendor.raw if vendor else None,
        normalised_from=vendor.raw if vendor and vendor.ids else None,
    )


def category_from_words(ontology: Ontology, vendor: VendorValue | None, said: Sequence[str]) -> Category:
    """Without any model opinion: what vendor and title name, as a suggestion of confidence 0, or nothing.

    Where they differ, it is the vendor's.
    """
    claimed = vendor.ids if vendor else ()
    named = deepest(ontology, {*claimed, *said}) or next(iter(claimed), None)
    raw = vendor.raw if vendor else None
    if named is None:
        return Category(vendor_raw=raw)
    node = ontology.categories[named]
    return Category(
        id=node.id,
        path=node.path,
        breadcrumb=node.breadcrumb,
        google_id=node.google_id,
        confidences=(0.0,) * len(node.path),
        status=Status.SUGGESTED,
        evidence=Evidence(
            text=float(said[0] in node.path) if said else None,
            vendor=float(claimed[0] in node.path) if claimed else None,
        ),
        vendor_raw=raw,
        normalised_from=raw if claimed else None,
    )


def possible_nodes(ontology: Ontology, category: Category, question: Question | None) -> tuple[str, ...]:
    """What the product may be: the likely leaves below an accepted node; without one, all likely leaves.

    The vendor's node counts with all leaves below it where nothing else is known, and in a conflict. Empty when nobody
    knows anything.
    """
    claimed: tuple[str, ...] = ()
    if question is None and category.id:
        return ontology.leaves_below(category.id)
    if question is None:
        return ()
    if category.status is Status.CONFLICT:
        claimed = ontology.leaves_below(category.alternatives[0].id)
    root = category.id if category.status is Status.ACCEPTED else None
    likely = (
        label
        for label, mass in zip(question.labels.finest, question.opinion.used, strict=True)
        if mass >= LIKELY_LEAF and (root is None or root in ontology.path(label))
    )
    return (category.path[-1], *likely, *claimed)


def reachable(threshold: float) -> float | None:
    """None for a threshold that no probability can clear."""
    return threshold if threshold <= 1 else None


def _leading_path(
    ontology: Ontology, question: Question, leaves: Sequence[Ranked], *, is_torn: bool
) -> tuple[str, ...]:
    likeliest = ontology.path(leaves[0].id)
    is_elsewhere = bool(question.said) and not is_on_branch(ontology, question.said[0], leaves[0].id)
    claimed = question.vendor.ids if question.vendor and not (is_torn or is_elsewhere) else ()
    named = deepest(ontology, {*claimed, *question.said})
    sure = SURE_LEAF_READ if question.opinion.image is None else SURE_LEAF_SEEN
    is_guess = leaves[0].mass < sure or is_torn or is_elsewhere
    if named is None or named in likeliest or not is_guess:
        return likeliest
    return ontology.path(next((leaf.id for leaf in leaves if named in ontology.path(leaf.id)), named))


def _others(ontology: Ontology, leaves: Sequence[Ranked], path: Sequence[str]) -> tuple[Value, ...]:
    others = [leaf for leaf in leaves[: 1 + MAX_ALTERNATIVES] if leaf.id != path[-1]]
    return tuple(Value(leaf.id, ontology.categories[leaf.id].label, leaf.mass) for leaf in others[:MAX_ALTERNATIVES])


def _value(ontology: Ontology, node: str, masses: Mapping[str, float]) -> Value:
    return Value(node, ontology.categories[node].label, masses.get(node, 0.0))


def _deepest_safe(
    path: Sequence[str], masses: Mapping[str, float], thresholds: TaskThresholds
) -> tuple[str | None, float, Status]:
    for node in reversed(path):
        if masses[node] >= thresholds.accept_of(node):
            return node, thresholds.accept_of(node), Status.ACCEPTED
    for node in reversed(path):
        if masses[node] >= thresholds.suggest:
            return node, thresholds.suggest, Status.SUGGESTED
    return None, thresholds.suggest, Status.ABSTAINED
