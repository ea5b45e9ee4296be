# SPDX-License-Identifier: Apache-2.0
"""TLS on loopback with a certificate that nobody signed but itself."""

from __future__ import annotations

import socket
import ssl
import subprocess
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN={name} "
    "-addext subjectAltName=DNS:{name} -keyout key.pem -out cert.pem"
)


def certify(folder: Path, name: str) -> None:
    """Write `key.pem`, and `cert.pem` for the host name: its own authority."""
    subprocess.run(_CERTIFICATE.format(name=name).split(), cwd=folder, check=True, capture_output=True)


@contextmanager
def self_signed_listener() -> Iterator[str]:
    """Its address. It shakes hands and answers nothing."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        certify(Path(folder), "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Path(folder) / "cert.pem", Path(folder) / "key.pem")
        thread = threading.Thread(target=_shake_hands, args=(listener, context))
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError):  # the client hangs up, and the listener is shut at the end
        while True:
            connection, _ = listener.accept()
            with connection, suppress(ssl.SSLError, ConnectionError), context.wrap_socket(connection, server_side=True):
                pass
