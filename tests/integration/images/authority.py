# SPDX-License-Identifier: Apache-2.0
"""An authority of the test's own, and certificates that it signs."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
_AUTHORITY = (
    f"openssl req -x509 {_KEY} -subj /CN=Authority -addext keyUsage=critical,keyCertSign -keyout ca-key.pem -out ca.pem"
)
_REQUEST = f"openssl req {_KEY} -subj /CN=Host -addext subjectAltName={{names}} -keyout key.pem -out request.pem"
_SIGNED = (
    "openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 1 -copy_extensions copy "
    "-out cert.pem"
)


@dataclass(frozen=True, slots=True)
class Authority:
    """`ca_file` names it; `tls` shows a certificate that it signed."""

    ca_file: Path
    tls: ssl.SSLContext

    @classmethod
    def make(cls, folder: Path, names: str) -> Authority:
        """`names` as openssl writes them: `DNS:shop.example,IP:127.0.0.2`."""
        for command in (_AUTHORITY, _REQUEST.format(names=names), _SIGNED):
            subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        return cls(folder / "ca.pem", tls)
