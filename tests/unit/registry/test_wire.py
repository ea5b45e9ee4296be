# SPDX-License-Identifier: Apache-2.0
"""Against the bytes of confluent-kafka's own serializers."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest
from confluent_kafka.schema_registry import header_schema_id_serializer, prefix_schema_id_serializer
from confluent_kafka.schema_registry.serde import SchemaId
from confluent_kafka.serialization import MessageField, SerializationContext
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import DeadLetterReason, Unprocessable
from consumer.registry.wire import Named, id_prefix, named_schema

GUID = uuid.UUID("89791762-2336-4186-9674-299b90a802e2")
HEADER = "__value_schema_id"

IDS = st.integers(0, (1 << 32) - 1)


def in_header(schema: Any) -> list[tuple[str, bytes]]:
    headers: list[tuple[str, Any]] = []
    context = SerializationContext("t", MessageField.VALUE, headers=headers)
    assert header_schema_id_serializer(b"", context, schema) == b""
    return headers


def test_the_two_forms_byte_by_byte() -> None:
    assert id_prefix(258) == bytes.fromhex("0000000102")
    assert named_schema(bytes.fromhex("00 00000102 0a"), ()) == Named(258, 5)
    assert named_schema(b"\x0a", ((HEADER, b"\x01" + GUID.bytes),)) == Named(GUID, 0)


@given(IDS)
def test_a_prefix_is_that_of_the_client(number: int) -> None:
    theirs = prefix_schema_id_serializer(b"record", None, SchemaId("AVRO", schema_id=number))

    assert id_prefix(number) + b"record" == theirs
    assert named_schema(theirs, ()) == Named(number, 5)


@given(st.uuids())
def test_a_header_is_read_as_the_client_writes_it(guid: uuid.UUID) -> None:
    headers = in_header(SchemaId("AVRO", guid=str(guid)))

    assert named_schema(b"record", tuple(headers)) == Named(guid, 0)


@given(IDS)
def test_an_id_in_the_header_is_read_as_the_client_reads_it(number: int) -> None:
    header = SchemaId("AVRO", schema_id=number).id_to_bytes()
    theirs = SchemaId("AVRO")
    theirs.from_bytes(io.BytesIO(header))
    assert theirs.id is not None

    assert named_schema(b"", ((HEADER, header),)) == Named(theirs.id, 0)


def test_the_header_counts_before_the_first_bytes() -> None:
    assert named_schema(id_prefix(1), ((HEADER, b"\x01" + GUID.bytes),)) == Named(GUID, 0)


def test_the_last_header_of_the_name_counts() -> None:
    headers = ((HEADER, b"\x01" + bytes(16)), ("other", b""), (HEADER, b"\x01" + GUID.bytes))

    assert named_schema(b"", headers) == Named(GUID, 0)


@pytest.mark.parametrize("value", [b"", b"\xc3\x01", b"{", b"\x01" + GUID.bytes])
def test_a_value_in_neither_form_names_nothing(value: bytes) -> None:
    assert named_schema(value, (("traceparent", b"x"),)) is None


@pytest.mark.parametrize("value", [b"\0", b"\0\0\0\0"])
def test_half_a_prefix_is_malformed(value: bytes) -> None:
    with pytest.raises(Unprocessable) as refused:
        named_schema(value, ())

    assert refused.value.reason is DeadLetterReason.AVRO_MALFORMED


@pytest.mark.parametrize("header", [None, b"", b"\x01", b"\x01" + bytes(15), b"\x02" + bytes(16), str(GUID).encode()])
def test_a_header_that_names_nothing_is_no_known_schema(header: bytes | None) -> None:
    with pytest.raises(Unprocessable) as refused:
        named_schema(id_prefix(1), ((HEADER, header),))

    assert refused.value.reason is DeadLetterReason.SCHEMA_UNKNOWN
