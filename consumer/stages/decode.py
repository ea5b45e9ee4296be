# SPDX-License-Identifier: Apache-2.0
"""First stage: a record becomes a product event, or is refused with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer import headers
from consumer.errors import DeadLetterReason, Unprocessable
from consumer.events import VENDOR_ID, DecodedProduct, EventType
from consumer.registry.files import Subject
from consumer.registry.json_form import read_json_event
from consumer.registry.records import product_event

if TYPE_CHECKING:
    from consumer.events import Delivery, Headers, ProductEvent
    from consumer.observability.metrics import Metrics
    from consumer.registry.codec import Codec


class Decode:
    """Reads Avro, or JSON where the content type says so, and holds the event against its key.

    Waits for a schema registry once for each schema that it does not know, and through its outages.
    """

    def __init__(self, codec: Codec, metrics: Metrics) -> None:
        self._codec = codec
        self._metrics = metrics

    async def __call__(self, delivery: Delivery) -> DecodedProduct:
        """The event of a delivery. Raises Unprocessable, with the event's id where it could be read."""
        if delivery.key is None:
            raise Unprocessable(DeadLetterReason.KEY_MISSING, "the record has no key")
        if delivery.value is None:
            # Never taken for a DELETE: a compacting broker or a careless tool would delete products.
            raise Unprocessable(DeadLetterReason.VALUE_MISSING, "the record has no value")
        event = await self._read(delivery.value, delivery.headers)
        check_identity(event)
        if event.key.encode() != delivery.key:
            message = f"the record key {delivery.key[:200]!r} is not {event.key[:200]!r}, as the event says"
            raise Unprocessable(DeadLetterReason.KEY_MISMATCH, message, event_id=event.event_id)
        return DecodedProduct(delivery, event)

    async def _read(self, value: bytes, record_headers: Headers) -> ProductEvent:
        if headers.media_type(record_headers) == headers.JSON:
            read = read_json_event(value)
            if read.unknown_fields:
                self._metrics.json_fields_ignored(read.unknown_fields)
            return read.event
        await self._codec.learn(value, record_headers)
        decoded = self._codec.decode(value, record_headers)
        if decoded.subject is not Subject.PRODUCT_EVENTS:
            raise Unprocessable(DeadLetterReason.SCHEMA_UNKNOWN, f"the value is of {decoded.subject}, no product event")
        return product_event(decoded.fields)


def check_identity(event: ProductEvent) -> None:
    """Raises Unprocessable when the event cannot say what happened to which product."""
    if event.event_type is EventType.UNKNOWN:
        reason, message = DeadLetterReason.UNKNOWN_EVENT_TYPE, "the event is neither an UPSERT nor a DELETE"
    elif not VENDOR_ID.fullmatch(event.vendor_id):
        reason, message = (
            DeadLetterReason.FIELD_INVALID,
            f"vendor_id: {event.vendor_id[:200]!r} is not [A-Za-z0-9._-]{{1,64}}",
        )
    elif not event.sku:
        reason, message = DeadLetterReason.FIELD_INVALID, "sku: is empty"
    else:
        return
    raise Unprocessable(reason, message, event_id=event.event_id)
