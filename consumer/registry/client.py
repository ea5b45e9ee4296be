# SPDX-License-Identifier: Apache-2.0
"""A Confluent-compatible schema registry, its answers in our terms. Every call waits for the network.

Faults of the way there, 5xx answers and answers that are no registry's are RegistryUnavailable: asking again may work.
401, 403, a certificate that does not verify and whatever else says "not like this" are Refused.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import httpx2
from confluent_kafka.schema_registry import (
    ConfigCompatibilityLevel,
    Schema,
    SchemaRegistryClient,
    SchemaRegistryError,
    ServerConfig,
)

from consumer.errors import Refused, RegistryUnavailable
from consumer.registry.compatibility import SchemaRejected

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from consumer.errors import HangtagError
    from consumer.registry import files
    from consumer.registry.wire import SchemaName
    from consumer.settings import RegistrySettings

_AVRO = "AVRO"
_MAX_MESSAGE_CHARACTERS = 300

#: 404xx: the registry's own words for "no such schema, subject, version, level". A bare 404 comes from somebody else.
_ABSENT = range(40400, 40500)
_NOT_FOUND = 404
_MALADIES = {408, 429}
_SERVER_ERRORS = range(500, 600)
_FORBIDDEN = {401, 403}
_REJECTIONS = {409, 422}


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest version of a subject; `schema` is None for one that is not Avro."""

    version: int
    schema: files.Schema | None


class Registry:
    """Thread-safe. Whoever opened it closes it; a `with` block does."""

    def __init__(self, client: SchemaRegistryClient, place: str) -> None:
        """`place` names the registry in messages."""
        self._client = client
        self._place = place

    @classmethod
    def open(cls, settings: RegistrySettings) -> Self:
        """A client for the registry of the settings; asks nothing yet. Raises Refused for a CA file that is none."""
        assert settings.url, "registry.url decides whether there is a registry"
        # Waiting and asking again is the caller's: it knows whether it may wait for ever.
        properties: dict[str, Any] = {"url": settings.url, "timeout": settings.timeout_s, "max.retries": 0}
        if settings.basic_auth:
            properties["basic.auth.user.info"] = settings.basic_auth.get_secret_value()
        if settings.ca_file:
            properties["ssl.ca.location"] = str(settings.ca_file)
        try:
            return cls(SchemaRegistryClient.new_client(properties), settings.url)
        except OSError as error:
            raise Refused(f"registry.ca_file: {settings.ca_file} cannot be used: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up the connections."""
        self._client.close()

    def schema(self, name: SchemaName) -> files.Schema | str | None:
        """The Avro schema of that name; a word of why where it is none that we can read; None where there is none."""
        ask = self._client.get_schema_by_guid if isinstance(name, UUID) else self._client.get_schema
        found = self._ask(ask, str(name) if isinstance(name, UUID) else name)
        return None if found is None else self._read(found)

    def schema_id(self, subject: str, schema: files.Schema) -> int | None:
        """The id of exactly this schema under a subject; None where it is not registered there."""
        found = self._ask(self._client.lookup_schema, subject, _outgoing(schema))
        return None if found is None else self._id(found.schema_id)

    def latest(self, subject: str) -> Latest | None:
        """The newest version of a subject; None where the subject is not there."""
        found = self._ask(self._client.get_latest_version, subject)
        if found is None:
            return None
        schema = self._read(found.schema)
        return Latest(found.version, None if isinstance(schema, str) else schema)

    def register(self, subject: str, schema: files.Schema) -> int:
        """Register a schema, if it is not yet, and return its id. Raises SchemaRejected."""
        return self._id(self._ask(self._client.register_schema, subject, _outgoing(schema)))

    def level(self, subject: str) -> str | None:
        """The compatibility level that was set for this subject; None where the registry's default holds."""
        config = self._ask(self._client.get_config, subject)
        level = config and (config.compatibility_level or config.compatibility)
        return level.value if level else None

    def set_level(self, subject: str, level: str) -> None:
        """Set the compatibility level of a subject, which need not be there yet."""
        self._ask(self._client.set_config, subject, ServerConfig(compatibility=ConfigCompatibilityLevel(level)))

    def _read(self, found: Schema) -> files.Schema | str:
        if not isinstance(found.schema_str, str):
            raise self._no_registry("a schema without text")
        if found.schema_type not in {None, _AVRO}:
            return f"it is of type {found.schema_type}, not {_AVRO}"
        if found.references:
            return "it refers to other schemas, which Hangtag does not follow"
        try:
            schema = json.loads(found.schema_str)
        except ValueError as error:
            raise self._no_registry(f"a schema that is no JSON: {error}") from error
        return schema if isinstance(schema, dict) else "it is no record"

    def _id(self, answer: object) -> int:
        if not isinstance(answer, int):
            raise self._no_registry("no id")
        return answer

    def _ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """The client's answer; None for what the registry does not have."""
        try:
            return call(*arguments)
        except SchemaRegistryError as error:
            return self._absent(error)
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error
        except (httpx2.HTTPError, ValueError, TypeError, KeyError, AttributeError) as error:
            # The client reads the answer without a look at what it is.
            raise self._no_registry(type(error).__name__) from error

    def _absent(self, error: SchemaRegistryError) -> None:
        status, code = error.http_status_code, error.error_code
        if status == _NOT_FOUND and code in _ABSENT:
            return
        said = str(error.error_message)[:_MAX_MESSAGE_CHARACTERS]
        message = f"the registry at {self._place} answers {status}: {said}"
        if status in _FORBIDDEN:
            raise Refused(f"{message} (registry.basic_auth)") from error
        if status in _REJECTIONS:
            raise SchemaRejected(said) from error
        if status == _NOT_FOUND:
            raise self._no_registry("a plain 404") from error
        if status in _MALADIES or status in _SERVER_ERRORS:
            raise RegistryUnavailable(message) from error
        raise Refused(message) from error

    def _unreachable(self, error: httpx2.TransportError) -> HangtagError:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return Refused(f"the certificate of {self._place} does not verify: {cause} (registry.ca_file)")
            cause = cause.__cause__ or cause.__context__
        return RegistryUnavailable(f"no registry answers at {self._place}: {str(error) or type(error).__name__}")

    def _no_registry(self, found: str) -> RegistryUnavailable:
        # It would give us the same nonsense for ever.
        self._client.clear_caches()  # type: ignore[no-untyped-call]  # the client types only a part of itself
        return RegistryUnavailable(
            f"what answers at {self._place} is no schema registry ({found}); is registry.url right?"
        )


def _outgoing(schema: files.Schema) -> Schema:
    return Schema(json.dumps(schema, ensure_ascii=False, separators=(",", ":")), _AVRO)
