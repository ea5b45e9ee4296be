# SPDX-License-Identifier: Apache-2.0
"""Values whose schemas stand in a registry: both of Confluent's wire forms are read, the prefix form is written.

What a registry answers never changes, so each schema is asked for once. Values in single-object encoding are read too:
a topic may hold what was written before there was a registry.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from fastavro.schema import SchemaParseException, UnknownType

from consumer.errors import Refused, RegistryUnavailable
from consumer.registry.avro import Writer, parsed, read_record, schema_unknown, write_record
from consumer.registry.bundled import BundledCodec
from consumer.registry.files import Subject, schema_versions
from consumer.registry.foreign import foreign_writer
from consumer.registry.wire import id_prefix, named_schema
from consumer.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from consumer.events import Headers
    from consumer.registry.client import Registry
    from consumer.registry.codec import Decoded
    from consumer.registry.files import Schema
    from consumer.registry.wire import SchemaName

log = structlog.get_logger()

T = TypeVar("T")

_OUTPUTS = (Subject.PRODUCT_ATTRIBUTES, Subject.PRODUCT_EMBEDDINGS)


class ConfluentCodec:
    """See `Codec`. `subjects` says under which name each of our schemas is registered."""

    def __init__(self, registry: Registry, subjects: Mapping[Subject, str], backoff: Backoff | None = None) -> None:
        self._registry = registry
        self._subjects = subjects
        self._backoff = backoff or Backoff()
        self._bundled = BundledCodec()
        self._newest = {subject: schema_versions(subject)[-1] for subject in Subject}
        self._readers = {subject: parsed(schema) for subject, schema in self._newest.items()}
        self._writers: dict[SchemaName, Writer | str] = {}
        self._prefixes: dict[Subject, bytes] = {}
        # Schemas are few, and a flood of wrong ids must not become a flood of questions.
        self._one_at_a_time = asyncio.Lock()
        self.fault: str | None = None

    async def ready(self) -> None:
        """See `Codec.ready`. Raises Refused for a schema of ours that is not registered."""
        for subject in _OUTPUTS:
            await self._answer(partial(self._prefix, subject))

    async def learn(self, value: bytes, headers: Headers) -> None:
        """See `Codec.learn`."""
        named = named_schema(value, headers)
        if named is None or named.schema in self._writers:
            return
        async with self._one_at_a_time:
            await self._answer(partial(self._writer, named.schema))

    def decode(self, value: bytes, headers: Headers) -> Decoded:
        """See `Codec.decode`."""
        named = named_schema(value, headers)
        if named is None:
            return self._bundled.decode(value, headers)
        return read_record(self._writer(named.schema), value, named.start)

    def encode(self, subject: Subject, fields: Mapping[str, Any]) -> bytes:
        """See `Codec.encode`. Raises Refused for a schema of ours that is not registered."""
        return write_record(self._prefix(subject), self._readers[subject], fields)

    def _prefix(self, subject: Subject) -> bytes:
        if subject not in self._prefixes:
            name = self._subjects[subject]
            schema_id = self._registry.schema_id(name, self._newest[subject])
            if schema_id is None:
                raise Refused(f"the newest schema of {name} is not registered; to do so: hangtag schemas register")
            self._prefixes[subject] = id_prefix(schema_id)
        return self._prefixes[subject]

    def _writer(self, name: SchemaName) -> Writer:
        writer = self._writers.get(name)
        if writer is None:
            found = self._registry.schema(name)
            if found is None:  # not kept: a registry that follows another may have it a moment later
                raise schema_unknown(f"the registry has no schema {name}")
            writer = self._writers[name] = _judged(found, self._readers)
        if isinstance(writer, str):
            raise schema_unknown(f"schema {name} of the registry: {writer}")
        return writer

    async def _answer(self, ask: Callable[[], T]) -> T:
        """What `ask` returns, in a thread, and after as many outages as it takes."""
        attempt = 0
        try:
            while True:
                try:
                    return await asyncio.to_thread(ask)
                except RegistryUnavailable as error:
                    self.fault = f"registry: {error}"
                    log.warning("waiting_for_registry", error=str(error))
                await asyncio.sleep(self._backoff.wait_s(attempt))
                attempt += 1
        finally:
            self.fault = None


def _judged(schema: Schema | str, readers: Mapping[Subject, Schema]) -> Writer | str:
    """How to read what is written in a schema, or why nobody can."""
    if isinstance(schema, str):
        return schema
    try:
        return foreign_writer(schema, readers)
    except ValueError as error:
        return str(error)
    except (KeyError, TypeError, AttributeError, SchemaParseException, UnknownType) as error:
        return f"it is no Avro schema: {type(error).__name__}: {error}"
