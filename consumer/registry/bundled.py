# SPDX-License-Identifier: Apache-2.0
"""Avro single-object encoding against the shipped schemas: what Hangtag writes where there is no registry.

`C3 01`, the CRC-64-AVRO fingerprint of the schema's parsing canonical form (little-endian), then the Avro binary.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

import consumer.registry.decimals  # noqa: F401  # its reader stands in for fastavro's
from consumer.errors import DeadLetterReason, Unprocessable
from consumer.headers import REGISTRY_SCHEMA
from consumer.registry.codec import Decoded
from consumer.registry.files import Subject, schema_folder, schema_versions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from consumer.events import Headers
    from consumer.registry.codec import Fields
    from consumer.registry.files import Schema

MARKER = b"\xc3\x01"
_PREFIX_BYTES = 10

# What fastavro raises on bytes that are not what the schema says; it has no error class of its own for this.
_BROKEN_BYTES = (EOFError, ValueError, IndexError, KeyError, OverflowError, ArithmeticError, TypeError, MemoryError)


@dataclass(frozen=True, slots=True)
class _Writer:
    """A version that a value may have been written in, and the newest version of the same subject to read it with."""

    subject: Subject
    schema: Schema
    reader: Schema | None
    """None when this is the newest: resolving a schema with itself would only cost time."""


def schema_fingerprint(schema: Schema) -> bytes:
    """The eight bytes that name a schema, as they stand in a value."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


class BundledCodec:
    """Knows every version of every schema in a folder, by fingerprint; the shipped ones by default."""

    def __init__(self, folder: Path | None = None) -> None:
        self._writers: dict[bytes, _Writer] = {}
        self._newest: dict[Subject, tuple[bytes, Schema]] = {}
        for subject in Subject:
            self._add(subject, schema_versions(subject, folder or schema_folder()))

    def _add(self, subject: Subject, versions: tuple[Schema, ...]) -> None:
        newest = _parsed(versions[-1])
        self._newest[subject] = (MARKER + schema_fingerprint(versions[-1]), newest)
        for version in versions[:-1]:
            self._writers[schema_fingerprint(version)] = _Writer(subject, _parsed(version), newest)
        self._writers[schema_fingerprint(versions[-1])] = _Writer(subject, newest, None)

    def decode(self, value: bytes, headers: Headers) -> Decoded:
        """See `Codec.decode`."""
        writer = self._writer_of(value, headers)
        stream = BytesIO(value)
        stream.seek(_PREFIX_BYTES)
        try:
            fields = fastavro.schemaless_reader(stream, writer.schema, writer.reader)
        except _BROKEN_BYTES as error:
            raise _malformed(f"not a record of {writer.subject}: {type(error).__name__}: {error}") from error
        if left := len(value) - stream.tell():
            raise _malformed(f"{left} bytes are left over after a record of {writer.subject}")
        return Decoded(writer.subject, cast("Fields", fields))  # every schema of ours is a record

    def encode(self, subject: Subject, fields: Mapping[str, Any]) -> bytes:
        """See `Codec.encode`."""
        prefix, schema = self._newest[subject]
        stream = BytesIO()
        stream.write(prefix)
        fastavro.schemaless_writer(stream, schema, fields)
        return stream.getvalue()

    def _writer_of(self, value: bytes, headers: Headers) -> _Writer:
        if value[:1] == b"\0" or any(name == REGISTRY_SCHEMA for name, _ in headers):
            raise _unknown("the value names a schema of a registry, but no registry is configured (registry.url)")
        if not value.startswith(MARKER) or len(value) < _PREFIX_BYTES:
            hint = "; plain JSON needs the header content-type: application/json" if value[:1] == b"{" else ""
            raise _malformed(f"the value is not in Avro single-object encoding (C3 01 and a fingerprint){hint}")
        name = value[len(MARKER) : _PREFIX_BYTES]
        if name not in self._writers:
            raise _unknown(f"no shipped schema has the fingerprint {name[::-1].hex()}")
        return self._writers[name]


def _parsed(schema: Schema) -> Schema:
    return cast("Schema", fastavro.parse_schema(schema))  # a dict stays a dict


def _malformed(message: str) -> Unprocessable:
    return Unprocessable(DeadLetterReason.AVRO_MALFORMED, message)


def _unknown(message: str) -> Unprocessable:
    return Unprocessable(DeadLetterReason.SCHEMA_UNKNOWN, message)
