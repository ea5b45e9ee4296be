# SPDX-License-Identifier: Apache-2.0
"""Confluent's wire forms: how a value names a schema of a registry. Pure functions.

Prefix form: byte 0, the schema's id in four bytes (big-endian), the record. Header form: the record header
`__value_schema_id` holds byte 1 and the schema's GUID in 16 bytes, and the value is the record alone; its readers take
an id (byte 0) in the header too. Source: confluent-kafka 2.16, `schema_registry/common/serde.py`, class `SchemaId`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from consumer.headers import REGISTRY_SCHEMA
from consumer.registry.avro import malformed, schema_unknown

if TYPE_CHECKING:
    from consumer.events import Headers

SchemaName = int | UUID
"""A registry's id, or its GUID."""

_ID, _GUID = 0, 1
_ID_BYTES, _GUID_BYTES = 4, 16


@dataclass(frozen=True, slots=True)
class Named:
    """A schema that a value names, and the byte of the value where the record begins."""

    schema: SchemaName
    start: int


def named_schema(value: bytes, headers: Headers) -> Named | None:
    """What the header says, else the first bytes; None for a value in neither form.

    Raises Unprocessable: `schema_unknown` for a header that names nothing, `avro_malformed` for half a prefix.
    """
    for name, header in reversed(headers):
        if name == REGISTRY_SCHEMA:
            return Named(_in_header(header or b""), 0)
    if value[:1] != bytes([_ID]):
        return None
    if len(value) <= _ID_BYTES:
        raise malformed("the value ends within the id of its schema")
    return Named(int.from_bytes(value[1 : 1 + _ID_BYTES], "big"), 1 + _ID_BYTES)


def id_prefix(schema_id: int) -> bytes:
    """What stands before a record in the prefix form."""
    return bytes([_ID]) + schema_id.to_bytes(_ID_BYTES, "big")


def _in_header(header: bytes) -> SchemaName:
    kind, name = header[:1], header[1:]
    if kind == bytes([_GUID]) and len(name) == _GUID_BYTES:
        return UUID(bytes=name)
    if kind == bytes([_ID]) and len(name) == _ID_BYTES:
        return int.from_bytes(name, "big")
    raise schema_unknown(f"the header {REGISTRY_SCHEMA} names no schema: {header[:32].hex()}")
