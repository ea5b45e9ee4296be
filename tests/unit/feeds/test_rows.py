# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest

from consumer.events import EventType
from consumer.feeds import json_lines
from consumer.feeds.json_lines import read_json_lines
from consumer.feeds.rows import BadRow, EventRow, Row, read_events

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STARTED_MICROS = 1767323045000000
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "org.hangtag")


def lines(text: bytes) -> list[Row | BadRow]:
    return list(read_json_lines(BytesIO(text)))


def event_row(vendor: str | None = None, line: int = 1, **fields: Any) -> EventRow:
    (row,) = read_events([Row(line, fields)], STARTED, vendor)
    assert isinstance(row, EventRow)
    return row


def bad_reason(**fields: Any) -> str:
    (row,) = read_events([Row(1, fields)], STARTED)
    assert isinstance(row, BadRow)
    return row.reason


def test_each_line_is_a_row_and_blank_lines_count_but_give_none() -> None:
    assert lines(b'\xef\xbb\xbf{"sku": "1"}\r\n\n  \n{"sku": "2"}') == [Row(1, {"sku": "1"}), Row(4, {"sku": "2"})]


def test_a_line_that_is_no_object_is_bad_and_the_next_goes_on() -> None:
    rows = lines(b'{"sku": \n[]\n\xff\n{"sku": "2"}\n')

    assert [row.line for row in rows] == [1, 2, 3, 4]
    assert [type(row) for row in rows] == [BadRow, BadRow, BadRow, Row]
    assert rows[1] == BadRow(2, "not a JSON object")


def test_an_endless_line_is_bad_and_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "MAX_LINE_BYTES", 20)

    rows = lines(b'{"sku": "1"}\n' + b"x" * 95 + b'\n{"sku": "3"}\n' + b"y" * 40)

    assert rows == [
        Row(1, {"sku": "1"}),
        BadRow(2, "longer than 20 bytes"),
        Row(3, {"sku": "3"}),
        BadRow(4, "longer than 20 bytes"),
    ]


def test_what_a_vendor_leaves_out_is_derived() -> None:
    event = event_row("acme", line=3, sku="42", title="Shirt").event

    version = STARTED_MICROS + 3
    assert (event.vendor_id, event.event_type, event.title) == ("acme", EventType.UPSERT, "Shirt")
    assert event.occurred_at == STARTED + timedelta(microseconds=3)
    assert event.product_version == version
    assert event.event_id == str(uuid.uuid5(NAMESPACE, f"acme:42/{version}"))


def test_what_a_vendor_says_is_kept() -> None:
    event = event_row(
        "acme", vendor_id="other", sku="1", event_id="e", product_version=0, occurred_at=5, event_type="DELETE"
    ).event

    assert (event.vendor_id, event.event_id, event.product_version) == ("other", "e", 0)
    assert event.occurred_at == datetime(1970, 1, 1, 0, 0, 0, 5, tzinfo=UTC)
    assert event.event_type is EventType.DELETE


def test_the_version_follows_the_time_that_the_vendor_gives() -> None:
    event = event_row("acme", sku="42", occurred_at="2026-01-02T04:04:05+01:00").event

    assert event.product_version == STARTED_MICROS
    assert event.event_id == str(uuid.uuid5(NAMESPACE, f"acme:42/{STARTED_MICROS}"))


def test_two_rows_of_one_product_get_growing_versions() -> None:
    first, second = (event_row("acme", line=line, sku="42").event for line in (1, 2))

    assert first.product_version < second.product_version
    assert first.event_id != second.event_id


def test_null_is_as_good_as_missing() -> None:
    assert event_row("acme", sku="42", title=None, vendor_id=None, price=None) == event_row("acme", sku="42")


def test_columns_that_no_field_is_named_after_are_counted() -> None:
    assert event_row("acme", sku="42", colour="red", size="M").columns_ignored == 2


@pytest.mark.parametrize("blank", [None, "", " \t"])
@pytest.mark.parametrize("time", [None, "2026-01-02T04:04:05+01:00"])
def test_a_blank_id_is_as_good_as_a_missing_one(blank: str | None, time: str | None) -> None:
    assert event_row("acme", sku="42", event_id=blank, occurred_at=time) == event_row(
        "acme", sku="42", occurred_at=time
    )


@pytest.mark.parametrize("value", [0, False, [], {}, 5])
@pytest.mark.parametrize("time", [None, "2026-01-02T04:04:05+01:00"])
def test_an_id_that_is_no_text_is_bad(value: Any, time: str | None) -> None:
    reason = bad_reason(vendor_id="acme", sku="42", event_id=value, occurred_at=time)

    assert reason == "event_id: Input should be a valid string"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sku": "1"}, "vendor_id: Field required"),
        ({"vendor_id": "a b", "sku": "1"}, "vendor_id: 'a b' is not [A-Za-z0-9._-]{1,64}"),
        ({"vendor_id": "a"}, "sku: Field required"),
        ({"vendor_id": "a", "sku": ""}, "sku: is empty"),
        ({"vendor_id": "a", "sku": "1", "title": 3}, "title: Input should be a valid string"),
        ({"vendor_id": "a", "sku": "1", "event_type": "RECALL"}, "the event is neither an UPSERT nor a DELETE"),
        ({"vendor_id": "a", "sku": "1", "image_urls": "x"}, "image_urls: Input should be a valid list"),
    ],
)
def test_a_row_that_is_no_event_says_why(fields: dict[str, Any], reason: str) -> None:
    assert bad_reason(**fields) == reason
