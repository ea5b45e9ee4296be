# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace

import pytest
from msgspec import structs

from consumer.events import Delivery, Headers
from consumer.registry.bundled import BundledCodec
from consumer.registry.files import Subject
from consumer.registry.printed import Printer
from consumer.registry.records import record_fields
from tests.schemas.examples import EMBEDDING, FULL_ATTRIBUTES, FULL_EVENT, SMALL_ATTRIBUTES

CODEC = BundledCodec()
PRINTER = Printer(CODEC)


def delivery(value: bytes | None, headers: Headers = ()) -> Delivery:
    return Delivery("t", 2, 7, b"acme:42", value, headers, 1767323045678)


def test_an_event_is_printed_with_decimals_times_and_enums_as_text() -> None:
    line = PRINTER.delivery(delivery(CODEC.encode(Subject.PRODUCT_EVENTS, record_fields(FULL_EVENT))))

    assert {name: line[name] for name in ("topic", "partition", "offset", "timestamp", "key")} == {
        "topic": "t",
        "partition": 2,
        "offset": 7,
        "timestamp": "2026-01-02T03:04:05.678000Z",
        "key": "acme:42",
    }
    assert line["value"]["price"] == {"amount": "-1234567890.12", "currency": "EUR"}
    assert line["value"]["event_type"] == "upsert"
    assert line["value"]["occurred_at"] == "2026-01-02T03:04:05.678901Z"
    assert line["value"]["image_urls"] == list(FULL_EVENT.image_urls)


def test_attributes_are_printed_with_short_scores_and_lower_case_states() -> None:
    attributes = replace(FULL_ATTRIBUTES, category=replace(FULL_ATTRIBUTES.category, confidences=(0.9, 0.1, 1 / 3)))

    line = PRINTER.delivery(delivery(CODEC.encode(Subject.PRODUCT_ATTRIBUTES, record_fields(attributes))))

    value = line["value"]
    assert value["status"] == "degraded"
    assert value["category"]["confidences"] == [0.9, 0.1, 0.3333333]
    assert value["attributes"][1]["status"] == "not_applicable"
    assert value["attributes"][0]["values"][0]["role"] == "primary"
    assert value["images"][0]["view_type"] == "on_model"
    assert value["images"][1]["fingerprint"] is None
    assert value["provenance"]["timings_s"] == {"fetch": 0.5}


def test_values_with_upper_case_text_keep_it() -> None:
    value = CODEC.encode(Subject.PRODUCT_ATTRIBUTES, record_fields(SMALL_ATTRIBUTES))

    assert PRINTER.delivery(delivery(value))["value"]["source"]["topic"] == "product-events"
    assert PRINTER.delivery(delivery(value))["value"]["description"] is None


def test_bytes_are_printed_in_base64() -> None:
    line = PRINTER.delivery(delivery(CODEC.encode(Subject.PRODUCT_EMBEDDINGS, record_fields(EMBEDDING))))

    assert b64decode(line["value"]["vector"]) == EMBEDDING.vector


def test_a_tombstone_has_no_value_and_no_error() -> None:
    line = PRINTER.delivery(delivery(None))

    assert line["value"] is None
    assert "error" not in line


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (b"\xc3\x01broken", (), "avro_malformed"),
        (b"\xc3\x01unknown!rest", (), "schema_unknown"),
        (b"{", (("content-type", b"application/json"),), "json_malformed"),
    ],
)
def test_a_value_that_does_not_decode_is_printed_raw_with_the_reason(
    value: bytes, headers: Headers, reason: str
) -> None:
    line = PRINTER.delivery(delivery(value, headers))

    assert line["value"] is None
    assert b64decode(line["raw"]) == value
    assert line["error"].startswith(f"{reason}: ")


def test_a_json_event_is_printed_as_avro_would_be() -> None:
    event = {
        "event_id": "e1",
        "event_type": "DELETE",
        "vendor_id": "acme",
        "sku": "42",
        "product_version": 7,
        "occurred_at": 0,
    }

    line = PRINTER.delivery(delivery(json.dumps(event).encode(), (("content-type", b"application/json"),)))

    assert line["value"]["event_type"] == "delete"
    assert line["value"]["occurred_at"] == "1970-01-01T00:00:00.000000Z"
    assert line["value"]["title"] == ""


def test_headers_are_text_and_base64_where_they_are_not() -> None:
    line = PRINTER.delivery(delivery(None, (("a", "grün".encode()), ("b", b"\xff"))))

    assert line["headers"] == {"a": "grün", "b": "/w=="}


def test_a_record_without_key_and_time_says_so() -> None:
    line = PRINTER.delivery(structs.replace(delivery(None), key=None, timestamp_ms=-1))

    assert (line["key"], line["timestamp"]) == (None, None)


@pytest.mark.parametrize("timestamp_ms", [-1, 253402300800000, (1 << 63) - 1])
def test_a_record_without_a_time_that_can_be_said_is_printed_without_one(timestamp_ms: int) -> None:
    assert PRINTER.delivery(structs.replace(delivery(None), timestamp_ms=timestamp_ms))["timestamp"] is None
