# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from consumer.errors import DeadLetterReason, Unprocessable
from consumer.events import EventType, Price, ProductEvent
from consumer.registry.json_form import check_event, read_json_event
from consumer.registry.records import record_fields
from tests.schemas.examples import FULL_EVENT
from tests.unit.registry.test_bundled import EVENTS

SMALLEST: dict[str, Any] = {
    "event_id": "e1",
    "event_type": "UPSERT",
    "vendor_id": "acme",
    "sku": "42",
    "product_version": 7,
    "occurred_at": "2026-01-02T03:04:05.678901Z",
}


def as_json(event: ProductEvent) -> dict[str, Any]:
    fields = record_fields(event) | {"occurred_at": event.occurred_at.isoformat()}
    if event.price is not None:
        fields["price"] = {"amount": f"{event.price.amount:f}", "currency": event.price.currency}
    return fields


def read(**changes: Any) -> ProductEvent:
    return read_json_event(json.dumps(SMALLEST | changes)).event


def refused(value: str | bytes) -> Unprocessable:
    with pytest.raises(Unprocessable) as refusal:
        read_json_event(value)
    return refusal.value


@given(EVENTS)
def test_every_event_comes_back_from_json_as_it_was(event: ProductEvent) -> None:
    assert read_json_event(json.dumps(as_json(event))).event == event
    assert check_event(as_json(event)).event == event


def test_the_smallest_event_has_the_defaults_of_the_schema() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

    assert read() == ProductEvent("e1", EventType.UPSERT, "acme", "42", 7, moment)


def test_nullable_fields_may_be_null() -> None:
    assert read(description=None, price=None, language=None) == read()


@pytest.mark.parametrize(
    "occurred_at",
    [
        "2026-01-02T03:04:05.678901Z",
        "2026-01-02t04:04:05.678901+01:00",
        "2026-01-02 03:04:05.6789019z",
        1767323045678901,
    ],
)
def test_a_time_is_rfc_3339_or_microseconds(occurred_at: str | int) -> None:
    assert read(occurred_at=occurred_at) == read()


def test_a_price_keeps_its_cents() -> None:
    assert read(price={"amount": "-1234567890.10", "currency": "EUR"}).price == Price(Decimal("-1234567890.10"), "EUR")


def test_fields_that_no_schema_knows_are_ignored_and_counted() -> None:
    price = {"amount": "1", "currency": "EUR", "vat": "0.19"}

    result = read_json_event(json.dumps(SMALLEST | {"price": price, "colour": "red", "stock": {"a": 1}}))

    assert result.unknown_fields == 3
    assert result.event == read(price={"amount": "1", "currency": "EUR"})


@pytest.mark.parametrize(("symbol", "expected"), [("DELETE", "DELETE"), ("delete", "DELETE"), ("RECALL", "UNKNOWN")])
def test_an_event_type_that_nobody_knows_is_unknown(symbol: str, expected: str) -> None:
    assert read(event_type=symbol).event_type is EventType(expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": 3}, "title: Input should be a valid string"),
        ({"title": None}, "title: Input should be a valid string"),
        ({"sku": 42}, "sku: Input should be a valid string"),
        ({"image_urls": "https://example.org"}, "image_urls: Input should be a valid array"),
        ({"image_urls": ["a", "b", 3, 4]}, "image_urls[2]: Input should be a valid string"),
        ({"vendor_attributes": {"color": 1}}, "vendor_attributes: the value of 'color' must be a string"),
        ({"vendor_attributes": []}, "vendor_attributes: Input should be an object"),
        ({"product_version": "7"}, "product_version: Input should be a valid integer"),
        ({"product_version": 7.0}, "product_version: Input should be a valid integer"),
        ({"product_version": True}, "product_version: Input should be a valid integer"),
        ({"product_version": 1 << 63}, "product_version: Input should be less than 9223372036854775808"),
        ({"event_type": 1}, "event_type: must be a string"),
        ({"occurred_at": "2026-01-02"}, "occurred_at: must be RFC 3339 with a zone"),
        ({"occurred_at": "2026-01-02T03:04:05"}, "occurred_at: must be RFC 3339 with a zone"),
        ({"occurred_at": "2026-13-02T03:04:05Z"}, "occurred_at: month must be in 1..12"),
        ({"occurred_at": 1767323045.5}, "occurred_at: must be RFC 3339 with a zone"),
        ({"occurred_at": True}, "occurred_at: must be RFC 3339 with a zone"),
        ({"occurred_at": 1 << 62}, "occurred_at: lies outside the years 1-9999"),
        ({"occurred_at": "0001-01-01T00:00:00+23:59"}, "occurred_at: lies outside the years 1-9999"),
        ({"price": {"amount": 19.9, "currency": "EUR"}}, "price.amount: must be a string of digits"),
        ({"price": {"amount": "1e3", "currency": "EUR"}}, "price.amount: must be a string of digits"),
        ({"price": {"amount": "0.001", "currency": "EUR"}}, "price.amount: must be a string of digits"),
        ({"price": {"amount": "12345678901", "currency": "EUR"}}, "price.amount: must be a string of digits"),
        ({"price": {"amount": "1"}}, "price.currency: Field required"),
        ({"price": "1 EUR"}, "price: Input should be an object"),
    ],
)
def test_a_field_that_does_not_fit_is_named_and_the_event_id_is_kept(changes: dict[str, Any], message: str) -> None:
    refusal = refused(json.dumps(SMALLEST | changes))

    assert refusal.reason is DeadLetterReason.FIELD_INVALID
    assert str(refusal).startswith(message)
    assert refusal.event_id == "e1"


@pytest.mark.parametrize("field", SMALLEST)
def test_a_field_without_default_must_be_there(field: str) -> None:
    refusal = refused(json.dumps({name: value for name, value in SMALLEST.items() if name != field}))

    assert (refusal.reason, str(refusal)) == (DeadLetterReason.FIELD_INVALID, f"{field}: Field required")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff{}",
        b'{"title": "\xe9"}',
        b'{"title": "\\ud800"}',
        b"[" * 100_000,
        b'{"product_version": ' + b"9" * 1_000_000 + b"}",
        b'{"sku": "1"} {"sku": "2"}',
    ],
    ids=lambda value: value[:20].decode(errors="replace"),
)
def test_what_is_no_json_object_is_malformed(value: bytes) -> None:
    refusal = refused(value)

    assert refusal.reason is DeadLetterReason.JSON_MALFORMED
    assert len(str(refusal)) < 200


@pytest.mark.parametrize("value", [b"[]", b"{}", b"1", b'""', b"[" * 100 + b"]" * 100])
def test_more_values_than_a_product_can_have_are_refused_unread(value: bytes) -> None:
    def holding(count: int) -> bytes:
        smallest = json.dumps(SMALLEST).encode()
        return smallest[:-1] + b', "x": [' + b",".join([value] * count) + b"]}"

    refusal = refused(holding(8_000_000 // (len(value) + 1)))

    assert (refusal.reason, str(refusal)) == (
        DeadLetterReason.FIELD_INVALID,
        "the event holds more than 50,000 values",
    )
    assert read_json_event(holding(400)).event.sku == SMALLEST["sku"]


@pytest.mark.parametrize(
    "text",
    ["a, " * 50_001, "[{" * 50_001, '",' * 50_001, "\\" * 50_001 + "," * 50_001, '\\",[' * 50_001],
    ids=["commas", "brackets", "quotes", "backslashes", "both"],
)
def test_signs_within_a_text_are_no_values(text: str) -> None:
    event = SMALLEST | {"description": text, "vendor_attributes": {text: "a"}}

    assert read_json_event(json.dumps(event)).event.description == text


@pytest.mark.parametrize(
    "hostile",
    [b"," * 8_000_000, b'"' * 8_000_000 + b"," * 50_001, b'\\",' * 2_000_000, b"," * 50_001 + b"\\" * 8_000_000],
    ids=["unterminated", "quotes", "escaped quotes", "backslashes"],
)
def test_hostile_texts_are_refused_in_little_time(hostile: bytes) -> None:
    started_s = time.process_time()

    refused(b'{"a": "' + hostile)

    assert time.process_time() - started_s < 1.5  # it takes a tenth; a regular expression took from 2 s to minutes


def test_many_faults_are_cut_to_a_readable_message() -> None:
    refusal = refused(json.dumps({"event_id": 1, "image_urls": [1] * 10_000, "price": {"amount": 1, "x" * 10_000: 1}}))

    assert len(str(refusal)) < 1_000
    assert str(refusal).endswith("and 4 more")
    assert refusal.event_id is None


def test_the_full_example_is_read() -> None:
    assert read_json_event(json.dumps(as_json(FULL_EVENT))).event == FULL_EVENT
