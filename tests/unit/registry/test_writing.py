# SPDX-License-Identifier: Apache-2.0
"""Our writer against fastavro's, which is slower, and against values that no schema takes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.registry.avro import parsed, write_record
from consumer.registry.files import Subject, schema_versions
from consumer.registry.records import record_fields
from consumer.registry.writing import writer_of
from tests.schemas.examples import EMBEDDING, FULL_ATTRIBUTES, FULL_EVENT
from tests.unit.registry.test_bundled import EVENTS

if TYPE_CHECKING:
    from consumer.events import ProductEvent

SCHEMAS = {subject: parsed(schema_versions(subject)[-1]) for subject in Subject}
WRITES = {subject: writer_of(schema) for subject, schema in SCHEMAS.items()}


def written(subject: Subject, fields: dict[str, Any]) -> bytes:
    return write_record(b"", WRITES[subject], fields)


def written_by_fastavro(subject: Subject, fields: dict[str, Any]) -> bytes:
    stream = BytesIO()
    fastavro.schemaless_writer(stream, SCHEMAS[subject], fields)
    return stream.getvalue()


@given(EVENTS)
def test_every_event_has_the_bytes_that_fastavro_gives_it(event: ProductEvent) -> None:
    fields = record_fields(event)

    assert written(Subject.PRODUCT_EVENTS, fields) == written_by_fastavro(Subject.PRODUCT_EVENTS, fields)


@pytest.mark.parametrize(
    ("subject", "record"),
    [(Subject.PRODUCT_ATTRIBUTES, FULL_ATTRIBUTES), (Subject.PRODUCT_EMBEDDINGS, EMBEDDING)],
)
def test_every_output_has_the_bytes_that_fastavro_gives_it(subject: Subject, record: Any) -> None:
    fields = record_fields(record)

    assert written(subject, fields) == written_by_fastavro(subject, fields)


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(1 - 10**12, 10**12 - 1))
def test_every_number_has_the_bytes_that_fastavro_gives_it(version: int, cents: int) -> None:
    price = {"amount": Decimal(cents).scaleb(-2), "currency": "EUR"}
    fields = record_fields(FULL_EVENT) | {"product_version": version, "price": price}

    assert written(Subject.PRODUCT_EVENTS, fields) == written_by_fastavro(Subject.PRODUCT_EVENTS, fields)


@pytest.mark.parametrize("length", [0, 63, 64, 1023, 1024, 1 << 20])
def test_a_text_of_any_length_has_the_bytes_that_fastavro_gives_it(length: int) -> None:
    fields = record_fields(FULL_EVENT) | {"description": "ü" * (length // 2) + "x" * (length % 2)}

    assert written(Subject.PRODUCT_EVENTS, fields) == written_by_fastavro(Subject.PRODUCT_EVENTS, fields)


@pytest.mark.parametrize(
    "changes",
    [
        {"sku": 42},
        {"sku": None},
        {"sku": b"42"},
        {"title": "\ud800"},
        {"event_type": "RECALL"},
        {"product_version": 1 << 63},
        {"product_version": "7"},
        {"occurred_at": datetime(2026, 1, 2)},  # noqa: DTZ001  # what is refused
        {"image_urls": 3},
        {"vendor_attributes": ["color"]},
        {"vendor_attributes": {"color": 3}},
        {"price": {"amount": Decimal("1.001"), "currency": "EUR"}},
        {"price": {"amount": Decimal(10**10), "currency": "EUR"}},
        {"price": {"amount": Decimal("NaN"), "currency": "EUR"}},
        {"price": {"amount": Decimal("1.00")}},
    ],
)
def test_a_value_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        written(Subject.PRODUCT_EVENTS, record_fields(FULL_EVENT) | changes)


@pytest.mark.parametrize("schema", [["string", "null"], {"type": "fixed", "name": "F", "size": 4}, "double"])
def test_a_type_that_no_schema_of_ours_has_is_refused(schema: Any) -> None:
    field = {"name": "x", "type": schema}

    with pytest.raises(ValueError, match="written here"):
        writer_of({"type": "record", "name": "R", "fields": [field]})
