# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from consumer.errors import DeadLetterReason
from consumer.events import Delivery, Headers, Rejected
from consumer.headers import (
    MAX_MESSAGE_CHARACTERS,
    MAX_STACKTRACE_CHARACTERS,
    Build,
    CloudEvent,
    cloud_event_headers,
    dead_letter_headers,
    last_value,
    media_type,
    output_headers,
    rfc3339,
)

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
BUILD = Build("0.1.0", 3)
ORIGINAL: Headers = (
    ("traceparent", b"00-1-2-01"),
    ("tracestate", b"vendor=1"),
    ("x-vendor", b"\xff\x00"),
    ("hangtag.redrive.count", b"2"),
    ("x-vendor", b"again"),
    ("x-flag", None),
)
DELIVERY = Delivery("product-events", 3, 17, b"acme:42", b"value", ORIGINAL, 1767323045678)
EVENT = CloudEvent("id/attributes", "hangtag/g", "org.hangtag.product.attributes.v1", MOMENT, "acme:4ü", 7, 3)


def rejected(message: str = "why", event_id: str | None = "e1", stacktrace: str = "") -> Rejected:
    return Rejected(
        reason=DeadLetterReason.POISON,
        message=message,
        stage="infer",
        event_id=event_id,
        attempts=5,
        first_at=MOMENT,
        last_at=MOMENT + timedelta(seconds=1),
        stacktrace=stacktrace,
    )


def test_an_output_carries_cloud_events_its_source_and_the_trace() -> None:
    assert output_headers(DELIVERY, EVENT) == (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"id/attributes"),
        ("ce_source", b"hangtag/g"),
        ("ce_type", b"org.hangtag.product.attributes.v1"),
        ("ce_time", b"2026-01-02T03:04:05.678901Z"),
        ("ce_subject", "acme:4ü".encode()),
        ("ce_productversion", b"7"),
        ("content-type", b"application/avro"),
        ("ce_bundle", b"3"),
        ("hangtag.source", b"product-events/3/17"),
        ("traceparent", b"00-1-2-01"),
        ("tracestate", b"vendor=1"),
    )


def test_a_product_event_names_no_bundle() -> None:
    event = CloudEvent("e1", "hangtag/feed", "org.hangtag.product.event.v1", MOMENT, "acme:42", 7)

    assert "ce_bundle" not in dict(cloud_event_headers(event))


def test_a_dead_letter_keeps_every_original_header_in_order_and_says_why() -> None:
    headers = dead_letter_headers(DELIVERY, rejected(stacktrace="Traceback"), BUILD)

    assert headers[: len(ORIGINAL)] == ORIGINAL
    assert dict(headers[len(ORIGINAL) :]) == {
        "__connect.errors.topic": b"product-events",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"17",
        "__connect.errors.stage": b"infer",
        "__connect.errors.exception.class.name": b"consumer.errors.Unprocessable",
        "__connect.errors.exception.message": b"why",
        "__connect.errors.exception.stacktrace": b"Traceback",
        "hangtag.error.branch": b"unprocessable",
        "hangtag.error.reason": b"poison",
        "hangtag.error.attempts": b"5",
        "hangtag.error.first_at": b"2026-01-02T03:04:05.678901Z",
        "hangtag.error.last_at": b"2026-01-02T03:04:06.678901Z",
        "hangtag.error.origin_timestamp": b"1767323045678",
        "hangtag.error.event_id": b"e1",
        "hangtag.error.build": b"0.1.0",
        "hangtag.error.bundle": b"3",
        "hangtag.source": b"product-events/3/17",
    }


def test_an_event_id_that_is_not_known_is_not_invented() -> None:
    assert last_value(dead_letter_headers(DELIVERY, rejected(event_id=None), BUILD), "hangtag.error.event_id") is None


def test_a_vendors_long_text_does_not_fill_the_dead_letter() -> None:
    written = dead_letter_headers(DELIVERY, rejected("m" * 1_000_000, "i" * 1_000_000, "s" * 1_000_000 + "end"), BUILD)
    headers = {name: value or b"" for name, value in written}

    assert len(headers["__connect.errors.exception.message"]) == MAX_MESSAGE_CHARACTERS
    assert len(headers["hangtag.error.event_id"]) == MAX_MESSAGE_CHARACTERS
    assert len(headers["__connect.errors.exception.stacktrace"]) == MAX_STACKTRACE_CHARACTERS
    assert headers["__connect.errors.exception.stacktrace"].endswith(b"end")


def test_half_a_surrogate_pair_does_not_stop_the_dead_letter() -> None:
    headers = dead_letter_headers(DELIVERY, rejected("\ud800"), BUILD)

    assert last_value(headers, "__connect.errors.exception.message") == "\\ud800"


def test_the_last_header_of_a_name_counts() -> None:
    assert last_value(ORIGINAL, "x-vendor") == "again"


def test_a_media_type_is_compared_without_case_and_parameters() -> None:
    assert media_type((("content-type", b"Application/JSON; charset=utf-8"),)) == "application/json"
    assert media_type(()) is None


def test_times_are_written_in_utc() -> None:
    assert rfc3339(MOMENT.astimezone(timezone(timedelta(hours=5)))) == "2026-01-02T03:04:05.678901Z"
