# SPDX-License-Identifier: Apache-2.0
"""Last stage: a product becomes the records that one transaction will carry. Only the owner thread produces them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING

from consumer.attributes import output_event_id
from consumer.events import Finished, OutputRecord
from consumer.headers import CloudEvent, output_headers
from consumer.registry.files import Subject
from consumer.registry.records import record_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.attributes import ProductAttributes, ProductEmbedding
    from consumer.events import DecodedProduct, EnrichedProduct
    from consumer.registry.codec import Codec
    from consumer.settings import TopicSettings


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes: the consumer group, the number of its bundle and the version of its thresholds."""

    group_id: str
    bundle: int
    thresholds: str


class _Part(Enum):
    """The two records of a product."""

    ATTRIBUTES = "attributes"
    EMBEDDING = "embedding"


class Publish:
    """Encodes attributes and embedding; a product without an embedding gets a tombstone in its place. No I/O."""

    def __init__(
        self,
        codec: Codec,
        topics: TopicSettings,
        publisher: Publisher,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._codec = codec
        self._topics = {_Part.ATTRIBUTES: topics.attributes, _Part.EMBEDDING: topics.embeddings}
        self._subjects = {
            _Part.ATTRIBUTES: Subject.PRODUCT_ATTRIBUTES,
            _Part.EMBEDDING: Subject.PRODUCT_EMBEDDINGS,
        }
        self._publisher = publisher
        self._now = now

    async def __call__(self, product: EnrichedProduct) -> Finished:
        """The attributes record, then the embedding or its tombstone."""
        return self._finished(product.decoded, product.attributes, product.embedding)

    async def tombstones(self, decoded: DecodedProduct) -> Finished:
        """What a DELETE leaves: nothing under this key, in either topic."""
        return self._finished(decoded, None, None)

    def _finished(
        self, decoded: DecodedProduct, attributes: ProductAttributes | None, embedding: ProductEmbedding | None
    ) -> Finished:
        return Finished(
            (
                self._record(decoded, _Part.ATTRIBUTES, attributes),
                self._record(decoded, _Part.EMBEDDING, embedding),
            )
        )

    def _record(
        self, decoded: DecodedProduct, part: _Part, record: ProductAttributes | ProductEmbedding | None
    ) -> OutputRecord:
        value = None if record is None else self._codec.encode(self._subjects[part], record_fields(record))
        return OutputRecord(
            topic=self._topics[part],
            key=decoded.delivery.key,
            value=value,
            headers=output_headers(decoded.delivery, self._cloud_event(decoded, part)),
        )

    def _cloud_event(self, decoded: DecodedProduct, part: _Part) -> CloudEvent:
        event, publisher = decoded.event, self._publisher
        event_id = output_event_id(event.key, event.event_id, bundle=publisher.bundle, thresholds=publisher.thresholds)
        return CloudEvent(
            id=f"{event_id}/{part.value}",
            source=f"hangtag/{publisher.group_id}",
            type=f"org.hangtag.product.{part.value}.v1",
            time=self._now(),
            subject=event.key,
            product_version=event.product_version,
            bundle=publisher.bundle,
        )
