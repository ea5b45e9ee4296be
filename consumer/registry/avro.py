# SPDX-License-Identifier: Apache-2.0
"""Avro binary: one record, read as its writer wrote it and answered in the terms of our newest version."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, cast

import fastavro
from fastavro.read import SchemaResolutionError

import consumer.registry.decimals  # noqa: F401  # its reader stands in for fastavro's
from consumer.errors import DeadLetterReason, Unprocessable
from consumer.registry.codec import MAX_VALUES, Decoded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from consumer.registry.codec import Fields
    from consumer.registry.files import Schema, Subject

# What fastavro raises on bytes that are not what the schema says; it has no error class of its own for this.
_BROKEN_BYTES = (EOFError, ValueError, IndexError, KeyError, OverflowError, ArithmeticError, TypeError, MemoryError)


#: A shorter value cannot hold many more values than are allowed, and nearly all are shorter.
_COUNTED_FROM_BYTES = 65_536
#: Each text is two of them: its length and itself.
_MAX_READS = 2 * MAX_VALUES


class _Counted(BytesIO):
    """Ends the reading of a value that holds more than a product can."""

    _left = _MAX_READS

    def read(self, size: int | None = -1) -> bytes:
        self._left -= 1
        if self._left < 0:
            message = f"the record holds more than {MAX_VALUES:,} values"
            raise Unprocessable(DeadLetterReason.FIELD_INVALID, message)
        return super().read(size)


@dataclass(frozen=True, slots=True)
class Writer:
    """A schema that a value may have been written in, and the newest version of the same subject to read it with."""

    subject: Subject
    schema: Schema
    reader: Schema | None
    """None when this is the newest: resolving a schema with itself would only cost time."""


def parsed(schema: Schema) -> Schema:
    """The schema as fastavro wants it. Raises its SchemaParseException or UnknownType for what is none."""
    return cast("Schema", fastavro.parse_schema(schema))  # a dict stays a dict


def read_record(writer: Writer, value: bytes, start: int) -> Decoded:
    """The record that begins at byte `start` and ends with the value. Raises Unprocessable as `Codec.decode` does."""
    stream = (BytesIO if len(value) < _COUNTED_FROM_BYTES else _Counted)(value)
    stream.seek(start)
    try:
        fields = fastavro.schemaless_reader(stream, writer.schema, writer.reader)
    except SchemaResolutionError as error:
        raise schema_unknown(f"its schema cannot be read as {writer.subject}: {error}") from error
    except _BROKEN_BYTES as error:
        raise malformed(f"not a record of {writer.subject}: {type(error).__name__}: {error}") from error
    if left := len(value) - stream.tell():
        raise malformed(f"{left} bytes are left over after a record of {writer.subject}")
    return Decoded(writer.subject, cast("Fields", fields))  # every schema of ours is a record


def write_record(prefix: bytes, schema: Schema, fields: Mapping[str, Any]) -> bytes:
    """The prefix, then the record. `fields` are those of a checked record.

    What does not fit the schema is a bug, and raises what fastavro happens to: ValueError, TypeError, OverflowError.
    """
    stream = BytesIO()
    stream.write(prefix)
    fastavro.schemaless_writer(stream, schema, fields)
    return stream.getvalue()


def malformed(message: str) -> Unprocessable:
    """The bytes are no record."""
    return Unprocessable(DeadLetterReason.AVRO_MALFORMED, message)


def schema_unknown(message: str) -> Unprocessable:
    """Nobody can say how the bytes were written."""
    return Unprocessable(DeadLetterReason.SCHEMA_UNKNOWN, message)
