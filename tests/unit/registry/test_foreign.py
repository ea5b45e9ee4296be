# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import fastavro
import pytest

from consumer.registry.avro import parsed, read_record
from consumer.registry.files import Subject, schema_versions
from consumer.registry.foreign import foreign_writer
from consumer.registry.records import product_event, record_fields
from tests.schemas.examples import FULL_EVENT

if TYPE_CHECKING:
    from consumer.events import ProductEvent

READERS = {subject: parsed(schema_versions(subject)[-1]) for subject in Subject}
OURS = schema_versions(Subject.PRODUCT_EVENTS)[-1]


def changed(**types: Any) -> dict[str, Any]:
    """Our schema with other types for some fields."""
    schema = copy.deepcopy(OURS)
    for field in schema["fields"]:
        if field["name"] in types:
            field.pop("default", None)
            field["type"] = types[field["name"]]
    return schema


def read_back(schema: dict[str, Any], **fields: Any) -> ProductEvent:
    """FULL_EVENT as somebody writes it in `schema` with other values for some fields, read in our terms."""
    stream = BytesIO()
    fastavro.schemaless_writer(stream, schema, record_fields(FULL_EVENT) | fields)
    return product_event(read_record(foreign_writer(schema, READERS), stream.getvalue(), 0).fields)


def test_our_own_schema_reads_as_ours() -> None:
    assert read_back(OURS) == FULL_EVENT


def test_only_a_schema_that_differs_from_ours_is_resolved_against_it() -> None:
    assert foreign_writer(OURS, READERS).reader is None
    assert foreign_writer(changed() | {"namespace": "com.vendor"}, READERS).reader is not None


def test_another_namespace_is_the_same_record() -> None:
    assert read_back(changed() | {"namespace": "com.vendor"}) == FULL_EVENT


def test_a_field_that_we_do_not_know_is_left_out() -> None:
    schema = changed()
    schema["fields"].insert(3, {"name": "colour", "type": {"type": "string", "logicalType": "uuid"}})

    assert read_back(schema, colour="7d1a4f2e-0000-4000-8000-000000000000") == FULL_EVENT


@pytest.mark.parametrize(
    "marked",
    [
        {"type": "string", "logicalType": "uuid"},
        ["null", {"type": "string", "logicalType": "uuid"}],
    ],
)
def test_an_id_marked_as_uuid_stays_text(marked: Any) -> None:
    guid = "7d1a4f2e-0000-4000-8000-000000000000"

    assert read_back(changed(event_id=marked), event_id=guid).event_id == guid


def test_a_type_in_two_layers_is_the_inner_one() -> None:
    """fastavro takes no such schema; others write it."""
    stream = BytesIO()
    fastavro.schemaless_writer(stream, OURS, record_fields(FULL_EVENT))
    writer = foreign_writer(changed(event_id={"type": {"type": "string", "logicalType": "uuid"}}), READERS)

    assert product_event(read_record(writer, stream.getvalue(), 0).fields) == FULL_EVENT


def test_logical_types_inside_lists_and_maps_are_not_ours_either() -> None:
    guid = "7d1a4f2e-0000-4000-8000-000000000000"
    marked = {"type": "string", "logicalType": "uuid"}
    schema = changed(image_urls={"type": "array", "items": marked}, vendor_attributes={"type": "map", "values": marked})

    event = read_back(schema, image_urls=[guid], vendor_attributes={"a": guid})

    assert (event.image_urls, dict(event.vendor_attributes)) == ((guid,), {"a": guid})


def test_a_time_in_milliseconds_is_read() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    schema = changed(occurred_at={"type": "long", "logicalType": "timestamp-millis"})

    assert read_back(schema, occurred_at=moment).occurred_at == moment


@pytest.mark.parametrize("marked", ["long", {"type": "long", "logicalType": "timestamp-nanos"}])
def test_a_time_that_is_not_marked_as_ours_is_refused(marked: Any) -> None:
    with pytest.raises(ValueError, match=r"ProductEvent\.occurred_at is .*, not timestamp-micros"):
        foreign_writer(changed(occurred_at=marked), READERS)


def test_a_price_of_other_digits_is_refused() -> None:
    price = {
        "type": "record",
        "name": "Price",
        "fields": [
            {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 4}},
            {"name": "currency", "type": "string"},
        ],
    }

    with pytest.raises(ValueError, match=r"ProductEvent\.price\.amount is decimal, not decimal"):
        foreign_writer(changed(price=["null", price]), READERS)


def test_a_price_that_is_never_null_is_read() -> None:
    price = next(field["type"][-1] for field in OURS["fields"] if field["name"] == "price")
    event = read_back(changed(price=price), price={"amount": Decimal("9.90"), "currency": "EUR"})

    assert event.price is not None
    assert event.price.amount == Decimal("9.90")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "record", "name": "Order", "fields": []},
        {"type": "enum", "name": "ProductEvent", "symbols": ["A"]},
        {"type": "string"},
        {},
    ],
)
def test_what_is_no_record_of_ours_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no record of Hangtag's"):
        foreign_writer(schema, READERS)
