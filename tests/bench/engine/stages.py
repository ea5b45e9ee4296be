# SPDX-License-Identifier: Apache-2.0
"""Stages that wait instead of fetching and inferring: the same for every engine that is measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, cast

from consumer.attributes import Source
from consumer.bundle import load_bundle
from consumer.enrichment.lexicon import Lexicon
from consumer.enrichment.ontology import Ontology
from consumer.events import DecodedProduct, Delivery, EnrichedProduct
from consumer.registry.bundled import BundledCodec
from consumer.stages.decode import Decode
from consumer.stages.enrich import Enrich
from consumer.stages.publish import Publish, Publisher
from tests.bench.engine.plan import Work
from tests.bench.product import EVENT, predicted, result_of
from tests.support.engine import echo

if TYPE_CHECKING:
    from consumer.events import Finished
    from consumer.observability.metrics import Metrics
    from consumer.settings import TopicSettings

_NO_DELIVERY = Delivery("product-events", 0, 0, EVENT.key.encode(), b"", (), -1)


class Stages(Protocol):
    """What is done with an event once the wait is over; the same objects serve many threads."""

    def __call__(self, delivery: Delivery) -> Finished:
        """The records to publish."""


class Echo:
    """Repeats the value."""

    def __init__(self, topics: TopicSettings) -> None:
        self._topics = topics

    def __call__(self, delivery: Delivery) -> Finished:
        return echo(self._topics, delivery)


class Products:
    """Decode and publish as they are; what lies between gives every product the same attributes."""

    def __init__(self, topics: TopicSettings, metrics: Metrics) -> None:
        bundle, codec = load_bundle(), BundledCodec()
        manifest = bundle.manifest
        ontology, lexicon = Ontology.load(manifest.ontology), Lexicon.load(manifest.lexicon)
        enrich = Enrich(ontology, lexicon, manifest, bundle.thresholds, precision="f32")
        self._metrics = metrics
        self._decode = Decode(codec, metrics)
        self._publish = Publish(codec, topics, Publisher("bench", manifest.bundle, bundle.thresholds.version))
        product = predicted(bundle, DecodedProduct(_NO_DELIVERY, EVENT))
        self._template = cast("EnrichedProduct", result_of(enrich(product)))

    def __call__(self, delivery: Delivery) -> Finished:
        decoded = cast("DecodedProduct", result_of(self._decode(delivery)))
        event, template = decoded.event, self._template
        source = Source(
            event.vendor_id,
            event.sku,
            event.product_version,
            delivery.topic,
            delivery.partition,
            delivery.offset,
            event.occurred_at,
        )
        assert template.embedding is not None
        attributes = replace(template.attributes, event_id=event.event_id, source=source)
        embedding = replace(template.embedding, event_id=event.event_id, source=source)
        finished = cast("Finished", result_of(self._publish(EnrichedProduct(decoded, attributes, embedding))))
        self._metrics.event_finished("enriched")
        return finished


def stages_of(work: Work, topics: TopicSettings, metrics: Metrics) -> Stages:
    """The stages of that work."""
    return Products(topics, metrics) if work is Work.PRODUCT else Echo(topics)
