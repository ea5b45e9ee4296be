# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import avro.schema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import DeadLetterReason, Unprocessable
from consumer.events import EventType, Price, ProductEvent
from consumer.registry.bundled import BundledCodec, schema_fingerprint
from consumer.registry.files import Subject
from consumer.registry.records import product_event, record_fields
from tests.schemas.examples import FULL_ATTRIBUTES, FULL_EVENT, SMALL_EVENT

CODEC = BundledCodec()
FULL_VALUE = CODEC.encode(Subject.PRODUCT_EVENTS, record_fields(FULL_EVENT))
ATTRIBUTES_VALUE = CODEC.encode(Subject.PRODUCT_ATTRIBUTES, record_fields(FULL_ATTRIBUTES))

TEXT = st.text(max_size=30)
MAYBE = st.none() | TEXT
LONG = st.integers(-(1 << 63), (1 << 63) - 1)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
AMOUNTS = st.integers(-(10**12) + 1, 10**12 - 1).map(lambda cents: Decimal(cents).scaleb(-2))
EVENTS = st.builds(
    ProductEvent,
    event_id=TEXT,
    event_type=st.sampled_from(EventType),
    vendor_id=TEXT,
    sku=TEXT,
    product_version=LONG,
    occurred_at=MOMENTS,
    title=TEXT,
    description=MAYBE,
    brand=MAYBE,
    vendor_category=MAYBE,
    vendor_attributes=st.dictionaries(TEXT, TEXT, max_size=4),
    image_urls=st.lists(TEXT, max_size=4).map(tuple),
    language=MAYBE,
    item_group_id=MAYBE,
    price=st.none() | st.builds(Price, AMOUNTS, TEXT),
    product_url=MAYBE,
    feed=MAYBE,
)


def reason_of(value: bytes, headers: tuple[tuple[str, bytes], ...] = ()) -> tuple[DeadLetterReason, str]:
    with pytest.raises(Unprocessable) as refused:
        CODEC.decode(value, headers)
    return refused.value.reason, str(refused.value)


@pytest.mark.parametrize("text", ["", "u", "url"])
def test_a_record_of_very_many_values_is_not_read_to_its_end(text: str) -> None:
    event = replace(FULL_EVENT, image_urls=(text,) * 100_000)
    value = CODEC.encode(Subject.PRODUCT_EVENTS, record_fields(event))

    assert reason_of(value) == (DeadLetterReason.FIELD_INVALID, "the record holds more than 50,000 values")


def test_a_long_text_is_few_values() -> None:
    event = replace(FULL_EVENT, title="ü" * 3_000_000, image_urls=("u",) * 40_000)

    decoded = CODEC.decode(CODEC.encode(Subject.PRODUCT_EVENTS, record_fields(event)), ())

    assert product_event(decoded.fields) == event


def zigzag(number: int) -> bytes:
    number <<= 1
    encoded = b""
    while number > 0x7F:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


@given(EVENTS)
def test_every_event_comes_back_as_it_was(event: ProductEvent) -> None:
    decoded = CODEC.decode(CODEC.encode(Subject.PRODUCT_EVENTS, record_fields(event)), ())

    assert decoded.subject is Subject.PRODUCT_EVENTS
    assert product_event(decoded.fields) == event


@given(st.data())
def test_damaged_bytes_are_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    value = bytearray(data.draw(st.sampled_from([FULL_VALUE, ATTRIBUTES_VALUE])))
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(value)))

    try:
        CODEC.decode(bytes(value[:length]), ())
    except Unprocessable as error:
        assert error.reason in {DeadLetterReason.AVRO_MALFORMED, DeadLetterReason.SCHEMA_UNKNOWN}  # noqa: PT017


def test_fingerprints_are_those_of_the_avro_specification() -> None:
    """The two are from the specification's own test data; the third schema is judged by Apache's implementation."""
    record = {
        "type": "record",
        "name": "R",
        "namespace": "n",
        "doc": "d",
        "fields": [{"name": "f", "type": ["null", "int"]}],
    }

    assert schema_fingerprint("null")[::-1].hex() == "63dd24e7cc258f8a"  # type: ignore[arg-type]
    assert schema_fingerprint("int")[::-1].hex() == "7275d51a3f395c8f"  # type: ignore[arg-type]
    assert schema_fingerprint(record) == avro.schema.make_avsc_object(record).fingerprint("CRC-64-AVRO")


def test_a_value_begins_with_the_marker_and_the_fingerprint_low_byte_first() -> None:
    assert FULL_VALUE[:10].hex() == "c301" + "9ef79b54b87321f7"


@pytest.mark.parametrize("length", [0, 1, 2, 9])
def test_less_than_a_prefix_is_malformed(length: int) -> None:
    assert reason_of(FULL_VALUE[:length])[0] is DeadLetterReason.AVRO_MALFORMED


def test_a_truncated_record_is_malformed() -> None:
    assert {reason_of(FULL_VALUE[:length])[0] for length in range(10, len(FULL_VALUE))} == {
        DeadLetterReason.AVRO_MALFORMED
    }


def test_bytes_after_the_record_are_malformed() -> None:
    reason, message = reason_of(FULL_VALUE + b"\0\0")

    assert reason is DeadLetterReason.AVRO_MALFORMED
    assert "2 bytes are left over" in message


def test_json_without_its_content_type_is_malformed_with_a_hint() -> None:
    reason, message = reason_of(b'{"event_id": "1"}')

    assert reason is DeadLetterReason.AVRO_MALFORMED
    assert "content-type: application/json" in message


def test_a_fingerprint_that_nobody_knows_is_named_as_registries_print_it() -> None:
    reason, message = reason_of(b"\xc3\x01" + bytes.fromhex("8a8f25cce724dd63") + b"rest")

    assert reason is DeadLetterReason.SCHEMA_UNKNOWN
    assert "63dd24e7cc258f8a" in message


@pytest.mark.parametrize(
    ("value", "headers"),
    [(b"\0\0\0\0\x07rest", ()), (FULL_VALUE[10:], (("__value_schema_id", b"\x01" + bytes(16)),))],
    ids=["prefix", "header"],
)
def test_a_schema_of_a_registry_is_unknown_without_one(value: bytes, headers: tuple[tuple[str, bytes], ...]) -> None:
    reason, message = reason_of(value, headers)

    assert reason is DeadLetterReason.SCHEMA_UNKNOWN
    assert "registry.url" in message


@pytest.mark.parametrize("claimed", [1 << 40, 1 << 62])
def test_a_string_that_claims_to_be_huge_is_malformed_at_once(claimed: int) -> None:
    assert reason_of(FULL_VALUE[:10] + zigzag(claimed) + b"abc")[0] is DeadLetterReason.AVRO_MALFORMED


def test_a_decimal_of_a_megabyte_is_refused_at_once() -> None:
    """fastavro's own reader holds the interpreter lock for minutes over it."""
    priced = ProductEvent(**record_fields(SMALL_EVENT) | {"image_urls": (), "price": Price(Decimal("19.90"), "EUR")})
    value = CODEC.encode(Subject.PRODUCT_EVENTS, record_fields(priced))
    amount = b"\x04" + (1990).to_bytes(2, "big")
    assert value.count(amount) == 1

    started = time.monotonic()
    reason, message = reason_of(value.replace(amount, zigzag(1 << 20) + b"\x7f" * (1 << 20)))

    assert time.monotonic() - started < 1
    assert reason is DeadLetterReason.AVRO_MALFORMED
    assert "more than 12 digits" in message


@pytest.mark.parametrize(
    ("cents", "fits"), [(10**12 - 1, True), (10**12, False), (1 - 10**12, True), (-(10**12), False)]
)
def test_a_decimal_has_at_most_twelve_digits(cents: int, fits: bool) -> None:  # noqa: FBT001
    priced = ProductEvent(**record_fields(SMALL_EVENT) | {"image_urls": (), "price": Price(Decimal("19.90"), "EUR")})
    value = CODEC.encode(Subject.PRODUCT_EVENTS, record_fields(priced))
    changed = value.replace(b"\x04" + (1990).to_bytes(2, "big"), zigzag(6) + cents.to_bytes(6, "big", signed=True))

    if fits:
        assert CODEC.decode(changed, ()).fields["price"]["amount"] == Decimal(cents).scaleb(-2)
    else:
        assert reason_of(changed)[0] is DeadLetterReason.AVRO_MALFORMED


def test_a_time_outside_the_calendar_is_malformed() -> None:
    value = CODEC.encode(Subject.PRODUCT_EVENTS, record_fields(SMALL_EVENT))
    changed = value[:17] + zigzag((1 << 62) - 1) + value[18:]

    assert reason_of(changed)[0] is DeadLetterReason.AVRO_MALFORMED
