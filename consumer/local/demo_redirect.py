# SPDX-License-Identifier: Apache-2.0
"""A host that lures the consumer to a private address, and counts whether it comes."""

from __future__ import annotations

import socket
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

HOST = "127.0.0.1"


class PrivateRedirect:
    """Answers every request with a redirect to another port of this machine, where nobody may ever call."""

    def __init__(self) -> None:
        self._private = socket.create_server((HOST, 0))
        target = f"http://{HOST}:{self._private.getsockname()[1]}/private.jpg"

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(HTTPStatus.FOUND)
                self.send_header("Location", target)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing on standard error."""

        self._host = ThreadingHTTPServer((HOST, 0), Handler)
        self._thread = Thread(target=self._host.serve_forever, kwargs={"poll_interval": 0.1}, name="redirect")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._host.shutdown()
        self._thread.join()
        self._host.server_close()
        self._private.close()

    @property
    def address(self) -> str:
        """host:port of the host that redirects."""
        return f"{HOST}:{self._host.server_port}"

    def calls(self) -> int:
        """How often somebody called the private address since the last time that this was asked."""
        self._private.settimeout(0)  # the kernel accepted them already; they only wait to be counted
        count = 0
        while True:
            try:
                connection, _ = self._private.accept()
            except BlockingIOError:
                return count
            connection.close()
            count += 1
