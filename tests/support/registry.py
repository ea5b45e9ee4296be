# SPDX-License-Identifier: Apache-2.0
"""The fixture `schema_host`: a small HTTP server that speaks a schema registry's REST, and fails as it is told.

Paths, error codes and answers are those of Confluent's API reference ("Schema Registry API Reference", v7/v8).
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = tuple[int, Any]
    """Status and JSON body; text is sent as it is."""

SCHEMA_NOT_FOUND = (404, {"error_code": 40403, "message": "Schema not found"})
SUBJECT_NOT_FOUND = (404, {"error_code": 40401, "message": "Subject not found"})


@dataclass(slots=True)
class SchemaHost:
    """A running registry. `faults` are used up one per request, in order; None among them is a healthy answer."""

    url: str = ""
    schemas: list[str] = field(default_factory=list)
    """By id, which counts from 1."""
    subjects: dict[str, list[int]] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)
    """Of schemas that are not Avro."""
    faults: deque[Answer | Callable[[BaseHTTPRequestHandler], None] | None] = field(default_factory=deque)
    always: Answer | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    """Requests wait until it is set; it is, at first."""
    asked: list[str] = field(default_factory=list)
    """`GET /schemas/ids/1` and so on, as they came."""
    authorization: str | None = None
    """That of the last request."""

    def add(self, schema: object, subject: str = "elsewhere-value", kind: str | None = None) -> int:
        """Register a schema, without a look at its compatibility; its id."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        if text not in self.schemas:
            self.schemas.append(text)
        schema_id = self.schemas.index(text) + 1
        if kind:
            self.types[schema_id] = kind
        if schema_id not in self.subjects.setdefault(subject, []):
            self.subjects[subject].append(schema_id)
        return schema_id

    def guid(self, schema_id: int) -> uuid.UUID:
        """What names the same schema in the header form."""
        return uuid.uuid5(uuid.NAMESPACE_OID, self.schemas[schema_id - 1])

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """What a healthy registry says."""
        routes: list[tuple[str, Callable[..., Answer]]] = [
            (r"GET /schemas/ids/(\d+)", lambda found: self._schema(int(found))),
            (r"GET /schemas/guids/(.+)", self._by_guid),
            (r"POST /subjects/([^/]+)", lambda subject: self._lookup(subject, body["schema"])),
            (r"POST /subjects/([^/]+)/versions", lambda subject: self._register(subject, body["schema"])),
            (r"GET /subjects/([^/]+)/versions/latest", self._latest),
            (r"GET /config/([^/]+)", self._level),
            (r"PUT /config/([^/]+)", lambda subject: self._set_level(subject, body["compatibility"])),
        ]
        for pattern, route in routes:
            if found := re.fullmatch(pattern, f"{method} {path.partition('?')[0]}"):
                return route(*found.groups())
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _schema(self, schema_id: int) -> Answer:
        if not 1 <= schema_id <= len(self.schemas):
            return SCHEMA_NOT_FOUND
        kind = {"schemaType": self.types[schema_id]} if schema_id in self.types else {}
        return 200, {"schema": self.schemas[schema_id - 1], **kind}

    def _by_guid(self, guid: str) -> Answer:
        ids = [number for number in range(1, len(self.schemas) + 1) if str(self.guid(number)) == guid]
        return self._schema(ids[0]) if ids else SCHEMA_NOT_FOUND

    def _lookup(self, subject: str, schema: str) -> Answer:
        if subject not in self.subjects:
            return SUBJECT_NOT_FOUND
        for version, schema_id in enumerate(self.subjects[subject], start=1):
            if json.loads(self.schemas[schema_id - 1]) == json.loads(schema):
                return 200, {"subject": subject, "id": schema_id, "version": version, "schema": schema}
        return SCHEMA_NOT_FOUND

    def _register(self, subject: str, schema: str) -> Answer:
        older = [self.schemas[schema_id - 1] for schema_id in self.subjects.get(subject, [])]
        if not all(_reads(schema, writer) for writer in older):
            return 409, {"error_code": 409, "message": "Schema being registered is incompatible with an earlier one"}
        schema_id = self.add(schema, subject)
        return 200, {"id": schema_id, "guid": str(self.guid(schema_id))}

    def _latest(self, subject: str) -> Answer:
        if not self.subjects.get(subject):
            return SUBJECT_NOT_FOUND
        schema_id = self.subjects[subject][-1]
        named = {"subject": subject, "version": len(self.subjects[subject]), "id": schema_id}
        return 200, named | self._schema(schema_id)[1]

    def _level(self, subject: str) -> Answer:
        if subject not in self.levels:
            return 404, {"error_code": 40408, "message": "Subject does not have subject-level compatibility configured"}
        return 200, {"compatibilityLevel": self.levels[subject]}

    def _set_level(self, subject: str, level: str) -> Answer:
        self.levels[subject] = level
        return 200, {"compatibility": level}


def _reads(reader: str, writer: str) -> bool:
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # avro types only a part of itself
    answer = checker.get_compatibility(parse(reader), parse(writer))
    return bool(answer.compatibility is SchemaCompatibilityType.compatible)


def _handler(host: SchemaHost) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            host.asked.append(f"{self.command} {self.path}")
            host.authorization = self.headers.get("Authorization")
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            host.gate.wait()
            fault = host.faults.popleft() if host.faults else host.always
            if callable(fault):
                fault(self)
            else:
                self.send(*(fault or host.answer(self.command, self.path, body)))

        do_POST = do_PUT = do_GET  # noqa: N815  # names of the base class

        def send(self, status: int, answer: Any) -> None:
            content = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    return Handler


@pytest.fixture
def schema_host() -> Iterator[SchemaHost]:
    """A registry of the test's own, empty."""
    host = SchemaHost()
    host.gate.set()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(host)) as server:
        host.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield host
        host.gate.set()
        server.shutdown()
        thread.join()
