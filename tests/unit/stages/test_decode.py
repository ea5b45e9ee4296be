# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from consumer.errors import DeadLetterReason, Unprocessable
from consumer.events import DecodedProduct, Delivery, EventType, Headers, ProductEvent
from consumer.observability.metrics import Metrics
from consumer.registry.bundled import BundledCodec
from consumer.registry.files import Subject
from consumer.registry.records import record_fields
from consumer.stages.decode import Decode
from tests.schemas.examples import EMBEDDING, FULL_EVENT

CODEC = BundledCodec()
JSON: Headers = (("content-type", b"application/json; charset=utf-8"),)
JSON_EVENT: dict[str, Any] = {
    "event_id": "e1",
    "event_type": "UPSERT",
    "vendor_id": "acme",
    "sku": "42",
    "product_version": 7,
    "occurred_at": 0,
}


def delivery_of(event: ProductEvent, key: bytes | None = None) -> Delivery:
    value = CODEC.encode(Subject.PRODUCT_EVENTS, record_fields(event))
    return Delivery("product-events", 0, 0, event.key.encode() if key is None else key, value, (), 0)


def decode(delivery: Delivery, metrics: Metrics | None = None) -> DecodedProduct:
    return asyncio.run(Decode(CODEC, metrics or Metrics())(delivery))


def refused(delivery: Delivery) -> Unprocessable:
    with pytest.raises(Unprocessable) as refusal:
        decode(delivery)
    return refusal.value


def test_an_avro_event_is_read_and_keeps_its_delivery() -> None:
    delivery = delivery_of(FULL_EVENT)

    assert decode(delivery) == DecodedProduct(delivery, FULL_EVENT)


def test_a_json_event_is_read_and_its_unknown_fields_are_counted() -> None:
    metrics = Metrics()
    delivery = Delivery("t", 0, 0, b"acme:42", json.dumps(JSON_EVENT | {"a": 1, "b": 2}).encode(), JSON, 0)

    assert decode(delivery, metrics).event.event_id == "e1"
    assert metrics.registry.get_sample_value("hangtag_json_fields_ignored_total") == 2


def test_a_delete_is_read_like_any_event() -> None:
    event = replace(FULL_EVENT, event_type=EventType.DELETE)

    assert decode(delivery_of(event)).event.event_type is EventType.DELETE


def test_a_sku_may_hold_colons() -> None:
    event = replace(FULL_EVENT, sku="a:b:c")

    assert decode(delivery_of(event)).event == event


def test_a_title_of_five_megabytes_is_read() -> None:
    event = replace(FULL_EVENT, title="ü" * 2_500_000)

    assert decode(delivery_of(event)).event == event


def test_five_hundred_image_urls_are_read() -> None:
    event = replace(FULL_EVENT, image_urls=tuple(f"https://example.org/{number}.jpg" for number in range(500)))

    assert len(decode(delivery_of(event)).event.image_urls) == 500


def test_an_empty_product_is_read() -> None:
    delivery = Delivery("t", 0, 0, b"acme:42", json.dumps(JSON_EVENT).encode(), JSON, 0)

    event = decode(delivery).event

    assert (event.title, event.image_urls, event.vendor_attributes) == ("", (), {})


def test_a_record_without_key_is_refused_whatever_its_value() -> None:
    delivery = delivery_of(FULL_EVENT)

    assert refused(structs.replace(delivery, key=None)).reason is DeadLetterReason.KEY_MISSING
    assert refused(structs.replace(delivery, key=None, value=None)).reason is DeadLetterReason.KEY_MISSING


def test_a_record_without_value_is_no_delete() -> None:
    assert refused(structs.replace(delivery_of(FULL_EVENT), value=None)).reason is DeadLetterReason.VALUE_MISSING


@pytest.mark.parametrize(
    "key", [b"", b"acme", b"acme:43", b"ACME:42:blue", b"acme:42:blue ", b"\xff\xfe", b"x" * 100_000]
)
def test_a_key_that_is_not_the_values_is_refused_with_the_event_id(key: bytes) -> None:
    refusal = refused(delivery_of(FULL_EVENT, key))

    assert (refusal.reason, refusal.event_id) == (DeadLetterReason.KEY_MISMATCH, FULL_EVENT.event_id)
    assert len(str(refusal)) < 1_000


@pytest.mark.parametrize("vendor_id", ["", "a b", "a:b", "ä", "a" * 65, "a\n"])
def test_a_vendor_id_outside_its_alphabet_is_refused(vendor_id: str) -> None:
    refusal = refused(delivery_of(replace(FULL_EVENT, vendor_id=vendor_id)))

    assert (refusal.reason, refusal.event_id) == (DeadLetterReason.FIELD_INVALID, FULL_EVENT.event_id)
    assert str(refusal).startswith("vendor_id: ")


def test_an_empty_sku_is_refused() -> None:
    refusal = refused(delivery_of(replace(FULL_EVENT, sku="")))

    assert (refusal.reason, str(refusal)) == (DeadLetterReason.FIELD_INVALID, "sku: is empty")


def test_an_event_type_that_nobody_knows_is_refused_in_both_encodings() -> None:
    avro = refused(delivery_of(replace(FULL_EVENT, event_type=EventType.UNKNOWN)))
    value = json.dumps(JSON_EVENT | {"event_type": "RECALL"}).encode()
    plain = refused(Delivery("t", 0, 0, b"acme:42", value, JSON, 0))

    assert (avro.reason, avro.event_id) == (DeadLetterReason.UNKNOWN_EVENT_TYPE, FULL_EVENT.event_id)
    assert (plain.reason, plain.event_id) == (DeadLetterReason.UNKNOWN_EVENT_TYPE, "e1")


def test_a_record_of_another_schema_is_refused() -> None:
    value = CODEC.encode(Subject.PRODUCT_EMBEDDINGS, record_fields(EMBEDDING))

    refusal = refused(Delivery("t", 0, 0, b"acme:42", value, (), 0))

    assert refusal.reason is DeadLetterReason.SCHEMA_UNKNOWN
    assert "product-embeddings-value" in str(refusal)


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (b"", (), DeadLetterReason.AVRO_MALFORMED),
        (b"garbage", (), DeadLetterReason.AVRO_MALFORMED),
        (b"\xc3\x01unknown!", (), DeadLetterReason.SCHEMA_UNKNOWN),
        (b"{", JSON, DeadLetterReason.JSON_MALFORMED),
        (b'{"event_id": 3}', JSON, DeadLetterReason.FIELD_INVALID),
        (CODEC.encode(Subject.PRODUCT_EVENTS, record_fields(FULL_EVENT)), JSON, DeadLetterReason.JSON_MALFORMED),
    ],
)
def test_broken_values_are_refused_with_their_reason(value: bytes, headers: Headers, reason: DeadLetterReason) -> None:
    assert refused(Delivery("t", 0, 0, b"acme:42", value, headers, 0)).reason is reason
