# SPDX-License-Identifier: Apache-2.0
"""The one seam between records and bytes; each way of naming a schema is one implementation of `Codec`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.events import Headers
    from consumer.registry.files import Subject

Fields = dict[str, Any]  # what Avro reads and writes; `records` gives it types
"""One Avro record as plain Python: numbers, text, bytes, lists, dicts, aware datetimes, Decimals."""


#: Values of one record; a product has hundreds. While one is read nothing else of the process runs, in whatever thread:
#: millions, which are a few bytes each, would take seconds.
MAX_VALUES = 50_000


@dataclass(frozen=True, slots=True)
class Decoded:
    """A record in the newest shipped version of its schema, whichever version it was written in."""

    subject: Subject
    fields: Fields


class Codec(Protocol):
    """Turns values into records and records into values. Thread-safe, but for `ready` and `learn`: one event loop.

    A registry is asked once for each schema, and then `decode` and `encode` wait for its answer: they raise
    RegistryUnavailable or Refused when none comes. On an event loop `ready` and `learn` do that waiting.
    """

    @property
    def fault(self) -> str | None:
        """What is being waited for, in words for an operator. From any thread."""
        ...

    async def ready(self) -> None:
        """Return when `encode` writes our outputs at once, however long a registry is down. Raises Refused."""
        ...

    async def learn(self, value: bytes, headers: Headers) -> None:
        """Return when `decode` reads this value at once, however long a registry is down.

        Raises Refused, and Unprocessable `schema_unknown`.
        """
        ...

    def decode(self, value: bytes, headers: Headers) -> Decoded:
        """Read one record value.

        Raises Unprocessable: `avro_malformed` when the bytes are no such record, bytes left over included;
        `schema_unknown` when nobody can say how they were written.
        """
        ...

    def encode(self, subject: Subject, fields: Mapping[str, Any]) -> bytes:
        """Write one record value in the newest shipped version. `fields` are those of a checked record."""
        ...
