# SPDX-License-Identifier: Apache-2.0
"""/livez, /readyz and /metrics over HTTP, in a thread of their own: they answer while everything else waits."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

import structlog

from consumer.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.observability.metrics import Metrics
    from consumer.settings import HealthSettings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Checks:
    """What stands against being alive and being ready; no entry means yes. Called from the server's threads."""

    live: Callable[[], Sequence[str]]
    """The loop turned lately; no dependency in it, or an outage would restart healthy processes."""
    ready: Callable[[], Sequence[str]]


class HealthServer:
    """Serves until `stop`. The one who starts it stops it."""

    def __init__(self, settings: HealthSettings, checks: Checks, metrics: Metrics) -> None:
        """Take the port. Raises Refused when somebody else has it."""
        handler = type("Handler", (_Handler,), {"checks": checks, "metrics": metrics})
        try:
            self._server = ThreadingHTTPServer((settings.host, settings.port), handler)
        except OSError as error:
            raise Refused(
                f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); "
                "set HANGTAG_HEALTH__PORT to another port, or to 0 for any free one"
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port that was taken, also when the setting says 0."""
        return self._server.server_address[1]

    def start(self) -> None:
        """Answer requests from now on."""
        self._thread.start()
        log.info("health_listening", host=self._server.server_address[0], port=self.port)

    def stop(self) -> None:
        """Close the port and join the thread."""
        self._server.shutdown()
        self._thread.join(timeout=5)
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    checks: ClassVar[Checks]
    metrics: ClassVar[Metrics]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, self.metrics.exposition(), "text/plain; version=0.0.4; charset=utf-8")
        elif path == "/livez":
            self._verdict(self.checks.live())
        elif path == "/readyz":
            self._verdict(self.checks.ready())
        else:
            self._answer(404, b'{"status": "no such page"}', "application/json")

    def _verdict(self, faults: Sequence[str]) -> None:
        body = {"status": "failing" if faults else "ok", "reasons": list(faults)}
        self._answer(503 if faults else 200, json.dumps(body).encode(), "application/json")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Probes come every few seconds; they say nothing in the log."""
