# SPDX-License-Identifier: Apache-2.0
"""Category and attributes of one product: which of them apply, and who decides each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from consumer.attributes import Attribute, Status
from consumer.enrichment.categories import category_from_words, decide_category, possible_nodes
from consumer.enrichment.decide import decide_attribute
from consumer.enrichment.labels import attribute_labels, category_labels
from consumer.enrichment.nouns import CATEGORY, CategoryNames
from consumer.enrichment.ontology import Policy
from consumer.enrichment.question import Question
from consumer.enrichment.unmeasured import suggest_from_words
from consumer.enrichment.vendor import VendorWords
from consumer.enrichment.words import said_by
from consumer.errors import IncompatibleModels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.attributes import Category
    from consumer.bundle import Manifest, Thresholds
    from consumer.enrichment.labels import Labels
    from consumer.enrichment.lexicon import Lexicon
    from consumer.enrichment.ontology import AttributeKind, Ontology
    from consumer.enrichment.vendor import VendorValue
    from consumer.enrichment.words import Said
    from consumer.events import InferredProduct, Prediction


@dataclass(frozen=True, slots=True)
class Tags:
    """What is said of one product."""

    category: Category
    attributes: tuple[Attribute, ...]
    """One for each attribute of the ontology, in its order."""


class Tagger:
    """Tags products with the words of one ontology, by one bundle's opinions and one lexicon."""

    def __init__(self, ontology: Ontology, lexicon: Lexicon, manifest: Manifest, thresholds: Thresholds) -> None:
        """Raises IncompatibleModels for tasks or labels that the ontology lacks."""
        _check_labels(ontology, manifest)
        self._ontology = ontology
        self._lexicon = lexicon
        self._thresholds = thresholds
        self._labels: Mapping[str, Labels] = {
            task.handle: attribute_labels(ontology.attribute(task.handle), task.labels)
            if task.handle != CATEGORY
            else category_labels(ontology, task.labels)
            for task in manifest.tasks
        }
        self._names = CategoryNames(ontology, lexicon)
        self._vendor_words = VendorWords(ontology, lexicon, self._names)
        # Of most attributes nobody says anything: one frozen answer serves every product.
        self._silent = {kind.handle: Attribute(kind.handle, kind.id) for kind in ontology.attributes}
        self._absent = {
            kind.handle: Attribute(kind.handle, kind.id, status=Status.NOT_APPLICABLE) for kind in ontology.attributes
        }

    def __call__(self, inferred: InferredProduct, modalities: Sequence[str]) -> Tags:
        """`modalities`: those that the prediction saw."""
        event = inferred.fetched.decoded.event
        said = said_by(self._lexicon, self._names, inferred.text, event.brand or "")
        heard = _Heard(self._vendor_words.of(event), said, inferred.prediction, frozenset(modalities))
        question = self._question(CATEGORY, heard)
        category = (
            decide_category(self._ontology, question)
            if question
            else category_from_words(self._ontology, heard.vendor.get(CATEGORY), said.get(CATEGORY, ()))
        )
        possible = possible_nodes(self._ontology, category, question)
        nodes = _Nodes(possible, possible if category.status is Status.CONFLICT else category.path[-1:])
        return Tags(category, tuple(self._attribute(kind, heard, nodes) for kind in self._ontology.attributes))

    def _attribute(self, kind: AttributeKind, heard: _Heard, nodes: _Nodes) -> Attribute:
        vendor, said = heard.vendor.get(kind.handle), heard.said.get(kind.handle, ())
        is_named = bool(said or (vendor and vendor.ids))
        if not kind.applies_to.issuperset(nodes.likeliest if is_named else nodes.possible):
            absent = self._absent[kind.handle]
            return replace(absent, vendor_raw=vendor.raw) if vendor else absent
        if kind.handle not in self._labels and not vendor and not said:
            return self._silent[kind.handle]
        question = self._question(kind.handle, heard)
        if question is None or _is_beyond(kind, question):
            return suggest_from_words(kind, vendor, said)
        decided = decide_attribute(kind, question)
        # Named, so that it may well apply; not accepted while it may as well not.
        is_open = decided.status is Status.ACCEPTED and not kind.applies_to.issuperset(nodes.possible)
        return replace(decided, status=Status.SUGGESTED) if is_open else decided

    def _question(self, handle: str, heard: _Heard) -> Question | None:
        """None where the model has no opinion: no evidence, or a bundle without that head."""
        if heard.prediction is None or handle not in self._labels:
            return None
        return Question(
            labels=self._labels[handle],
            opinion=heard.prediction.opinions[handle],
            thresholds=self._thresholds.pick(handle, heard.modalities),
            vendor=heard.vendor.get(handle),
            said=heard.said.get(handle, ()),
            kin=self._lexicon.kin.get(handle, frozenset()),
        )


@dataclass(frozen=True, slots=True)
class _Heard:
    """Everything that speaks about one product."""

    vendor: Mapping[str, VendorValue]
    said: Said
    prediction: Prediction | None
    modalities: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Where in the category tree a product may be. What words name has only to fit the likeliest place.

    Whoever writes "sleeveless" says that there could be sleeves; that the product may also be trousers, by one chance
    in five, does not make it untrue.
    """

    possible: Sequence[str]
    likeliest: Sequence[str]
    """One, or none where nobody knows anything; in a conflict, where both sides see it."""


def _is_beyond(kind: AttributeKind, question: Question) -> bool:
    """Whether vendor or text name a value that the head cannot answer: cap sleeves, where it knows long and short.

    Of an attribute that is accepted on agreement only, a photo leads where there is one.
    """
    if kind.policy is Policy.AGREE and question.opinion.image is not None:
        return False
    words = (*(question.vendor.ids if question.vendor else ()), *question.said)
    return any(kind.family_of(word) not in question.labels.columns for word in words)


def _check_labels(ontology: Ontology, manifest: Manifest) -> None:
    known: dict[str, set[str]] = {CATEGORY: set(ontology.categories)}
    for kind in ontology.attributes:
        known[kind.handle] = {*kind.labels, *kind.shades}
    for task in manifest.tasks:
        if task.handle not in known:
            raise IncompatibleModels(f"the bundle answers {task.handle!r}, which ontology {ontology.version} lacks")
        if unknown := sorted(set(task.labels) - known[task.handle]):
            raise IncompatibleModels(f"labels of {task.handle!r} that ontology {ontology.version} lacks: {unknown}")
