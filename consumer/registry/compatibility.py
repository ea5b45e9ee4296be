# SPDX-License-Identifier: Apache-2.0
"""What each schema promises to its readers, judged by Apache's own checker. Pure functions."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING

from consumer.errors import Refused, to_install
from consumer.registry.files import Subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.registry.files import Schema


class SchemaRejected(Exception):
    """The registry does not take a schema under a subject: it breaks the subject's compatibility level."""


class Promise(StrEnum):
    """Between any two versions of a subject; the values are the levels that a registry knows."""

    BACKWARD = "BACKWARD_TRANSITIVE"
    """The newer reads the older."""
    FULL = "FULL_TRANSITIVE"
    """Each reads the other."""


#: We read events of any age; others read what we publish, with our schema or an older one.
PROMISES = {
    Subject.PRODUCT_EVENTS: Promise.BACKWARD,
    Subject.PRODUCT_ATTRIBUTES: Promise.FULL,
    Subject.PRODUCT_EMBEDDINGS: Promise.FULL,
}


def reads(reader: Schema, writer: Schema) -> bool:
    """Whether what is written in one schema can be read with the other, and both are schemas at all.

    Raises Refused where the checker is missing.
    """
    try:
        import avro.schema
        from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
        from avro.errors import AvroException
    except ImportError as error:
        raise Refused(
            f"schemas are compared by the extra `registry` ({error.name} is missing): {to_install('registry')}"
        ) from error
    try:
        parsed_reader, parsed_writer = (avro.schema.parse(json.dumps(schema)) for schema in (reader, writer))
    except AvroException:
        return False
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # avro types only a part of itself
    answer = checker.get_compatibility(parsed_reader, parsed_writer)
    return bool(answer.compatibility is SchemaCompatibilityType.compatible)


def keeps(promise: Promise, older: Schema, newer: Schema) -> bool:
    """Whether the promise holds between two versions."""
    return reads(newer, older) and (promise is Promise.BACKWARD or reads(older, newer))


def broken_promises(versions: Sequence[Schema], promise: Promise) -> list[tuple[int, int]]:
    """Pairs (reader, writer) of version numbers, counted from 1, that do not fit."""
    return [
        (reader, writer)
        for newer in range(1, len(versions) + 1)
        for older in range(1, newer)
        for reader, writer in ((newer, older), (older, newer))[: 2 if promise is Promise.FULL else 1]
        if not reads(versions[reader - 1], versions[writer - 1])
    ]
