# SPDX-License-Identifier: Apache-2.0
"""Avro single-object encoding against the shipped schemas: what Hangtag writes where there is no registry.

`C3 01`, the CRC-64-AVRO fingerprint of the schema's parsing canonical form (little-endian), then the Avro binary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastavro.schema import fingerprint, to_parsing_canonical_form

from consumer.headers import REGISTRY_SCHEMA
from consumer.registry.avro import Writer, malformed, parsed, read_record, schema_unknown, write_record
from consumer.registry.files import Subject, schema_folder, schema_versions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from consumer.events import Headers
    from consumer.registry.codec import Decoded
    from consumer.registry.files import Schema

MARKER = b"\xc3\x01"
_PREFIX_BYTES = 10


def schema_fingerprint(schema: Schema) -> bytes:
    """The eight bytes that name a schema, as they stand in a value."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


class BundledCodec:
    """Knows every version of every schema in a folder, by fingerprint; the shipped ones by default."""

    fault: str | None = None

    def __init__(self, folder: Path | None = None) -> None:
        self._writers: dict[bytes, Writer] = {}
        self._newest: dict[Subject, tuple[bytes, Schema]] = {}
        for subject in Subject:
            self._add(subject, schema_versions(subject, folder or schema_folder()))

    def _add(self, subject: Subject, versions: tuple[Schema, ...]) -> None:
        newest = parsed(versions[-1])
        self._newest[subject] = (MARKER + schema_fingerprint(versions[-1]), newest)
        for version in versions[:-1]:
            self._writers[schema_fingerprint(version)] = Writer(subject, parsed(version), newest)
        self._writers[schema_fingerprint(versions[-1])] = Writer(subject, newest, None)

    async def ready(self) -> None:
        """See `Codec.ready`: it always is."""

    async def learn(self, value: bytes, headers: Headers) -> None:
        """See `Codec.learn`: there is nobody to ask."""

    def decode(self, value: bytes, headers: Headers) -> Decoded:
        """See `Codec.decode`."""
        return read_record(self._writer_of(value, headers), value, _PREFIX_BYTES)

    def encode(self, subject: Subject, fields: Mapping[str, Any]) -> bytes:
        """See `Codec.encode`."""
        prefix, schema = self._newest[subject]
        return write_record(prefix, schema, fields)

    def _writer_of(self, value: bytes, headers: Headers) -> Writer:
        if value[:1] == b"\0" or any(name == REGISTRY_SCHEMA for name, _ in headers):
            raise schema_unknown("the value names a schema of a registry, but no registry is configured (registry.url)")
        if not value.startswith(MARKER) or len(value) < _PREFIX_BYTES:
            hint = "; plain JSON needs the header content-type: application/json" if value[:1] == b"{" else ""
            raise malformed(f"the value is not in Avro single-object encoding (C3 01 and a fingerprint){hint}")
        name = value[len(MARKER) : _PREFIX_BYTES]
        if name not in self._writers:
            raise schema_unknown(f"no shipped schema has the fingerprint {name[::-1].hex()}")
        return self._writers[name]
