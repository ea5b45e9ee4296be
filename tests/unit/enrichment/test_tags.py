# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.attributes import Attribute, Category, Status
from consumer.bundle import TaskThresholds, Thresholds, read_text
from consumer.enrichment.categories import LIKELY_LEAF
from consumer.enrichment.lexicon import Lexicon
from consumer.enrichment.ontology import Ontology
from consumer.enrichment.tags import Tagger, Tags
from consumer.events import (
    DecodedProduct,
    Delivery,
    EventType,
    FetchedProduct,
    InferredProduct,
    Opinion,
    Prediction,
    ProductEvent,
)

if TYPE_CHECKING:
    from consumer.bundle import Head, Manifest
    from consumer.enrichment.labels import Labels

ONTOLOGY, LEXICON = Ontology.load("v1"), Lexicon.load("v1")
TITLES = (
    "",
    "Navy blue V-neck shirt",
    "Slim fit jeans",
    "Red suede shoes with white soles",
    "Cotton maxi dress, floral",
)
VENDOR: tuple[dict[str, str], ...] = (
    {},
    {"colour": "Red", "neckline": "V", "fit": "slim", "fabric": "silk", "sleeve length": "cap"},
    {"color": "multi, gold", "gender": "boys", "season": "summer"},
)
CATEGORIES = (None, "Shoes", "T-Shirts", "Watches", "Perfume", "nonsense")


@pytest.fixture(scope="module")
def tagger(manifest: Manifest) -> Tagger:
    """Answers for leaves of all branches and for attributes of every policy."""
    leaves = tuple(node for node in ONTOLOGY.categories if ONTOLOGY.is_leaf(node))[::8]
    labels = {"category": leaves} | {
        handle: (*ONTOLOGY.attribute(handle).labels, *ONTOLOGY.attribute(handle).shades)
        for handle in ("color", "target-gender", "sleeve-length-type", "neckline", "fit", "x-season")
    }
    tasks = tuple(replace(manifest.tasks[0], handle=handle, labels=names) for handle, names in labels.items())
    head = TaskThresholds(0.5, 0.2, {"15": 0.1, "13": 0.1, "3": 0.1})
    heads: dict[Head, TaskThresholds] = {"fused": head, "image": head, "text": head}
    return Tagger(ONTOLOGY, LEXICON, replace(manifest, tasks=tasks), Thresholds("t1", dict.fromkeys(labels, heads)))


DELIVERY = Delivery("product-events", 0, 1, b"acme:sku-1", b"", (), 0)


def random_tags(tagger: Tagger, seed: int) -> Tags:
    """Any opinions, peaked or flat, about any product."""
    chance = random.Random(seed)

    def opinion(labels: Labels) -> Opinion:
        weights = [1e-4] * len(labels.finest)
        for _ in range(chance.randint(0, 5)):
            weights[chance.randrange(len(weights))] += chance.random() ** 2
        used = tuple(weight / sum(weights) for weight in weights)
        return Opinion(used, image=used, text=chance.choice((None, used)))

    has_opinion = chance.random() < 0.9
    event = ProductEvent(
        *("e1", EventType.UPSERT, "acme", "sku-1", 1, datetime(2026, 1, 1, tzinfo=UTC)),
        title=chance.choice(TITLES),
        vendor_category=chance.choice(CATEGORIES),
        vendor_attributes=chance.choice(VENDOR),
    )
    opinions = {handle: opinion(labels) for handle, labels in tagger._labels.items()}
    prediction = Prediction(opinions, (), (), (), {}) if has_opinion else None
    product = InferredProduct(
        FetchedProduct(DecodedProduct(DELIVERY, event), ()), prediction, read_text(event, ("en",)).product
    )
    return tagger(product, ("image", "text") if has_opinion else ())


def is_falling(attribute: Attribute) -> bool:
    return all(one.confidence >= other.confidence for one, other in pairwise(attribute.alternatives))


def is_shared(handle: str, category: Category) -> bool:
    """Whether it is an attribute of every likely leaf below the accepted node, as far as they are shown."""
    shown = {category.path[-1], *(value.id for value in category.alternatives if value.confidence >= LIKELY_LEAF)}
    return all(ONTOLOGY.applies(handle, leaf) for leaf in shown if category.id in ONTOLOGY.path(leaf))


# Ten seconds of an idle machine. 100 runs of 100 predictions: 10,000 in all. A failing seed is reported and shrunk.
@pytest.mark.gate(6)
@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 32).map(lambda first: range(first, first + 100)))
def test_nothing_inapplicable_inconsistent_or_unordered_is_ever_said(tagger: Tagger, seeds: range) -> None:
    for seed in seeds:
        tags = random_tags(tagger, seed)

        category = tags.category
        assert not category.path or category.path == ONTOLOGY.path(category.path[-1])
        assert category.id is None or category.id in category.path
        assert all(one >= other for one, other in pairwise(category.confidences))
        assert [entry.handle for entry in tags.attributes] == [kind.handle for kind in ONTOLOGY.attributes]
        for entry in tags.attributes:
            kind = ONTOLOGY.attribute(entry.handle)
            assert len(entry.values) <= kind.max_values <= 3
            assert len(entry.alternatives) <= 3
            assert is_falling(entry)
            assert bool(entry.values) == (entry.status in {Status.ACCEPTED, Status.SUGGESTED})
            if entry.values or entry.alternatives:
                assert not category.path or ONTOLOGY.applies(entry.handle, category.path[-1])
            if entry.status is Status.ACCEPTED and category.status is Status.ACCEPTED:
                assert is_shared(entry.handle, category)
            if entry.status is Status.CONFLICT:
                assert len(entry.alternatives) == 2
            if kind.policy == "suggest":
                assert entry.status is not Status.ACCEPTED


def test_random_products_reach_every_status_with_every_policy(tagger: Tagger) -> None:
    reached = {
        (ONTOLOGY.attribute(entry.handle).policy, entry.status)
        for seed in range(600)
        for entry in random_tags(tagger, seed).attributes
    }

    everything = {Status.SUGGESTED, Status.ABSTAINED, Status.CONFLICT, Status.NOT_APPLICABLE, Status.ACCEPTED}
    assert {status for policy, status in reached if policy == "auto"} == everything
    assert {status for policy, status in reached if policy == "agree"} == everything - {Status.NOT_APPLICABLE}
    assert {status for policy, status in reached if policy == "text"} == everything
    assert {status for policy, status in reached if policy == "suggest"} >= {Status.SUGGESTED, Status.ABSTAINED}
