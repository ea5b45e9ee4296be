# SPDX-License-Identifier: Apache-2.0
"""Fourth stage: the model's opinion becomes attributes that a shop can use."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from consumer.attributes import (
    EventStatus,
    Image,
    ImageStatus,
    ProductAttributes,
    ProductEmbedding,
    Provenance,
    Quality,
    Source,
    Text,
    ViewType,
    output_event_id,
)
from consumer.enrichment.conflicts import review
from consumer.enrichment.tags import Tagger
from consumer.events import EnrichedProduct, LostImage, UsableImage

if TYPE_CHECKING:
    from consumer.bundle import Manifest, Thresholds
    from consumer.enrichment.lexicon import Lexicon
    from consumer.enrichment.ontology import Ontology
    from consumer.events import DecodedProduct, FetchedProduct, InferredProduct, Prediction


class Enrich:
    """Builds the whole published record. Pure: no I/O, no clock, so a repeated run gives the same bytes."""

    def __init__(
        self, ontology: Ontology, lexicon: Lexicon, manifest: Manifest, thresholds: Thresholds, *, precision: str
    ) -> None:
        """`precision` is that of the served models (`bf16`, `f32`). Raises IncompatibleModels for unknown labels."""
        self._tagger = Tagger(ontology, lexicon, manifest, thresholds)
        self._manifest = manifest
        self._thresholds = thresholds
        self._precision = precision

    async def __call__(self, inferred: InferredProduct) -> EnrichedProduct:
        """Attributes for every UPSERT; an embedding only where the model had something to look at."""
        fetched, prediction = inferred.fetched, inferred.prediction
        event = fetched.decoded.event
        event_id = output_event_id(
            event.key, event.event_id, bundle=self._manifest.bundle, thresholds=self._thresholds.version
        )
        modalities = _modalities(prediction)
        tags = self._tagger(inferred, modalities)
        attributes = ProductAttributes(
            event_id=event_id,
            source=_source(fetched.decoded),
            status=_event_status(fetched),
            category=tags.category,
            attributes=tags.attributes,
            images=self._images(fetched, prediction),
            text=Text(language=inferred.text.language, flags=inferred.text.flags),
            quality=Quality(modalities=modalities, checks=_checks(fetched)),
            review=review(tags.category, tags.attributes, has_evidence=bool(modalities)),
            provenance=self._provenance(prediction),
        )
        embedding = None if prediction is None else self._embedding(attributes, prediction)
        return EnrichedProduct(fetched.decoded, attributes, embedding)

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
