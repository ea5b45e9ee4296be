# SPDX-License-Identifier: Apache-2.0
"""Fourth stage: the model's opinion becomes attributes that a shop can use."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from consumer.attributes import (
    Attribute,
    Category,
    EventStatus,
    Image,
    ImageStatus,
    ProductAttributes,
    ProductEmbedding,
    Provenance,
    Quality,
    Review,
    Source,
    Text,
    ViewType,
    output_event_id,
)
from consumer.enrichment.decide import (
    Question,
    attribute_from_vendor,
    category_from_vendor,
    decide_attribute,
    decide_category,
)
from consumer.enrichment.vendor import CATEGORY, VendorValue, VendorWords
from consumer.errors import IncompatibleModels
from consumer.events import EnrichedProduct, LostImage, UsableImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.bundle import Manifest, Task, Thresholds
    from consumer.enrichment.ontology import Ontology
    from consumer.events import DecodedProduct, FetchedProduct, InferredProduct, Prediction

#: `review.reasons`: there was neither text nor a usable image.
NO_EVIDENCE = "no_evidence"


class Enrich:
    """Builds the whole published record. Pure: no I/O, no clock, so a repeated run gives the same bytes."""

    def __init__(self, ontology: Ontology, manifest: Manifest, thresholds: Thresholds, *, precision: str) -> None:
        """`precision` is that of the served models (`bf16`, `f32`). Raises IncompatibleModels for unknown labels."""
        _check_labels(ontology, manifest)
        self._ontology = ontology
        self._manifest = manifest
        self._thresholds = thresholds
        self._precision = precision
        self._tasks: Mapping[str, Task] = {task.handle: task for task in manifest.tasks}
        self._vendor_words = VendorWords(ontology)

    async def __call__(self, inferred: InferredProduct) -> EnrichedProduct:
        """Attributes for every UPSERT; an embedding only where the model had something to look at."""
        fetched, prediction = inferred.fetched, inferred.prediction
        event = fetched.decoded.event
        event_id = output_event_id(
            event.key, event.event_id, bundle=self._manifest.bundle, thresholds=self._thresholds.version
        )
        source = _source(fetched.decoded)
        modalities = _modalities(prediction)
        vendor = self._vendor_words.of(event)
        attributes = ProductAttributes(
            event_id=event_id,
            source=source,
            status=_event_status(fetched),
            category=self._category(prediction, vendor.get(CATEGORY)),
            attributes=self._attributes(prediction, vendor),
            images=self._images(fetched, prediction),
            text=Text(language=inferred.language, flags=inferred.text_flags),
            quality=Quality(modalities=modalities, checks=_checks(fetched)),
            review=Review() if modalities else Review(needed=True, reasons=(NO_EVIDENCE,)),
            provenance=self._provenance(prediction),
        )
        embedding = None if prediction is None else self._embedding(attributes, prediction)
        return EnrichedProduct(fetched.decoded, attributes, embedding)

    def _category(self, prediction: Prediction | None, vendor: VendorValue | None) -> Category:
        question = self._question(CATEGORY, prediction, vendor)
        if question is None:
            return category_from_vendor(self._ontology, vendor)
        return decide_category(self._ontology, question)

    def _attributes(self, prediction: Prediction | None, vendor: Mapping[str, VendorValue]) -> tuple[Attribute, ...]:
        decided = []
        for kind in self._ontology.attributes:
            value = vendor.get(kind.handle)
            question = self._question(kind.handle, prediction, value)
            decided.append(attribute_from_vendor(kind, value) if question is None else decide_attribute(kind, question))
        return tuple(decided)

    def _question(self, handle: str, prediction: Prediction | None, vendor: VendorValue | None) -> Question | None:
        """None where the model has no opinion: no evidence, or a bundle without that head."""
        if prediction is None or handle not in self._tasks:
            return None
        return Question(
            labels=self._tasks[handle].labels,
            opinion=prediction.opinions[handle],
            thresholds=self._thresholds.pick(handle, frozenset(_modalities(prediction))),
            vendor=vendor,
        )

    def _images(self, fetched: FetchedProduct, prediction: Prediction | None) -> tuple[Image, ...]:
        """In the order of the URLs. Usable images beyond those that the model takes contribute nothing."""
        shares = iter(prediction.contributions if prediction else ())
        views = iter(prediction.view_types if prediction else ())
        return tuple(
            Image(image.url, image.status, content_hash=image.content_hash, reason=image.reason.value)
            if isinstance(image, LostImage)
            else Image(
                url=image.url,
                status=ImageStatus.OK,
                content_hash=image.content_hash,
                view_type=self._view_type(next(views, ())),
                contribution=next(shares, 0.0),
            )
            for image in fetched.images
        )

    def _view_type(self, probabilities: tuple[float, ...]) -> ViewType:
        if not self._manifest.view_types or not probabilities:
            return ViewType.UNKNOWN
        best = max(range(len(self._manifest.view_types)), key=lambda column: probabilities[column])
        return ViewType(self._manifest.view_types[best].upper())

    def _provenance(self, prediction: Prediction | None) -> Provenance:
        return Provenance(
            bundle=self._manifest.bundle,
            ontology=self._manifest.ontology,
            thresholds=self._thresholds.version,
            lexicon=self._manifest.lexicon,
            preprocessing=self._manifest.client_hash,
            precision=self._precision,
            model_versions=dict(prediction.model_versions) if prediction else {},
        )

    def _embedding(self, attributes: ProductAttributes, prediction: Prediction) -> ProductEmbedding:
        dim = len(prediction.embedding)
        return ProductEmbedding(
            event_id=attributes.event_id,
            source=attributes.source,
            bundle=self._manifest.bundle,
            dim=dim,
            vector=struct.pack(f"<{dim}e", *prediction.embedding),
            modalities=attributes.quality.modalities,
        )


def _check_labels(ontology: Ontology, manifest: Manifest) -> None:
    known: dict[str, set[str]] = {CATEGORY: set(ontology.categories)}
    for kind in ontology.attributes:
        known[kind.handle] = {*kind.labels, *kind.shades}
    for task in manifest.tasks:
        if task.handle not in known:
            raise IncompatibleModels(f"the bundle answers {task.handle!r}, which ontology {ontology.version} lacks")
        if unknown := sorted(set(task.labels) - known[task.handle]):
            raise IncompatibleModels(f"labels of {task.handle!r} that ontology {ontology.version} lacks: {unknown}")


def _source(decoded: DecodedProduct) -> Source:
    event, delivery = decoded.event, decoded.delivery
    return Source(
        vendor_id=event.vendor_id,
        sku=event.sku,
        product_version=event.product_version,
        topic=delivery.topic,
        partition=delivery.partition,
        offset=delivery.offset,
        occurred_at=event.occurred_at,
    )


def _modalities(prediction: Prediction | None) -> tuple[str, ...]:
    opinions = prediction.opinions.values() if prediction else ()
    present = {
        "image": any(opinion.image is not None for opinion in opinions),
        "text": any(opinion.text is not None for opinion in opinions),
    }
    return tuple(name for name, is_there in present.items() if is_there)


def _event_status(fetched: FetchedProduct) -> EventStatus:
    is_any_lost = any(isinstance(image, LostImage) for image in fetched.images)
    is_none_usable = not any(isinstance(image, UsableImage) for image in fetched.images)
    if is_any_lost or (fetched.decoded.event.image_urls and is_none_usable):
        return EventStatus.DEGRADED
    return EventStatus.ENRICHED


def _checks(fetched: FetchedProduct) -> tuple[str, ...]:
    return (f"image_urls_truncated:{fetched.urls_dropped}",) if fetched.urls_dropped else ()
