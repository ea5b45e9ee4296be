# SPDX-License-Identifier: Apache-2.0
"""NVIDIA Triton on this machine: the wheel's server, CPU, Python backend, the three ensembles of one bundle."""

from __future__ import annotations

import asyncio
import http.client
import json
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from consumer.bundle import load_bundle
from consumer.errors import Refused, TritonUnavailable
from consumer.local.process import Launch
from consumer.local.state import rotate
from consumer.local.wheel import find_triton
from consumer.settings import TritonSettings
from consumer.triton.tensors import Ensemble

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from consumer.local.process import Kept

PROBE_LIMIT_S = 5.0
EXIT_LIMIT_S = 3
REPOSITORY, BACKENDS = "repository", "backends"

# Two groups: who rolls out bundles holds the admin key, the consumer only the read key.
_ADMIN = "model-repository,shared-memory,trace,logging"
_READ = "model-config,statistics"


@dataclass(frozen=True, slots=True)
class TritonStatus:
    """A server that gave a right canary answer. `version` is the server's own word."""

    grpc: str
    http: str
    metrics: str
    version: str
    pid: int
    read_key: str
    bundle: str | None


class TritonPart:
    """Starts a server on `bundle`, a folder; None is the shipped starter."""

    name = "triton"
    port_count = 3
    start_limit_s = 90.0

    def __init__(self, state: Path, bundle: Path | None, progress: Callable[[str], None]) -> None:
        self._folder = state / "triton"
        self._log = state / "logs" / "triton.log"
        self._given = bundle
        self._progress = progress
        self._read_key = secrets.token_urlsafe(18)
        self._wheel = find_triton()
        self._bundle = load_bundle(bundle)
        self._build_repository()

    def launch(self, ports: list[int], token: str) -> Launch:
        """The command; `token` becomes the prefix of the server's shared memory."""
        rotate(self._log)
        self._wheel.write_backends(self._folder / BACKENDS)
        grpc, http, metrics = ports
        groups = (f"{_ADMIN}:admin={secrets.token_urlsafe(18)}", f"{_READ}:read={self._read_key}")
        command = [
            str(self._wheel.server),
            # Relative to the working directory: the server hands paths to its stubs through a shell, without quotes.
            f"--model-repository={REPOSITORY}",
            f"--backend-directory={BACKENDS}",
            f"--backend-config=python,shm-region-prefix-name={token}",
            "--model-control-mode=explicit",
            "--disable-auto-complete-config",  # our configs are complete; else each model starts a stub twice
            *(f"--load-model={ensemble}" for ensemble in Ensemble),
            # One at a time: a stub is forked off, and another thread that logs meanwhile leaves it a lock that nobody
            # opens: models that never load (triton-inference-server/server#5211), or an abort (#8882).
            "--model-load-thread-count=1",
            "--grpc-address=127.0.0.1",
            f"--grpc-port={grpc}",
            "--http-address=127.0.0.1",
            f"--http-port={http}",
            "--metrics-address=127.0.0.1",
            f"--metrics-port={metrics}",
            *(f"--grpc-restricted-protocol={group}" for group in groups),
            *(f"--http-restricted-api={group}" for group in groups),  # else HTTP would be the way around the keys
            f"--exit-timeout-secs={EXIT_LIMIT_S}",
        ]
        return Launch(command, self._folder, self._log, self._wheel.environment, stop_s=EXIT_LIMIT_S + 5.0)

    def probe(self, ports: list[int], kept: Kept) -> TritonStatus | None:
        """The status once every ensemble gives its canary's answer. Raises IncompatibleModels for another answer."""
        grpc, http, metrics = (f"127.0.0.1:{port}" for port in ports)
        version = _version(ports[1])
        if version is None:
            return None
        try:
            asyncio.run(self._verify(grpc))
        except (TritonUnavailable, Refused):  # not yet; or a stranger's server, which does not know our key
            return None
        return TritonStatus(
            grpc=grpc,
            http=f"http://{http}",
            metrics=f"http://{metrics}/metrics",
            version=version,
            pid=kept.server.pid,
            read_key=self._read_key,
            bundle=str(self._given) if self._given else None,
        )

    async def _verify(self, grpc: str) -> None:
        from consumer.triton.client import TritonClient
        from consumer.triton.contract import Contract

        settings = TritonSettings(grpc=grpc, read_key=SecretStr(self._read_key))
        async with TritonClient(settings, self._bundle) as client:
            await Contract(client, self._bundle).verify()

    def _build_repository(self) -> None:
        from triton_models.export.repository import build_repository

        self._progress("building the model repository")
        repository = self._folder / REPOSITORY
        shutil.rmtree(repository, ignore_errors=True)
        build_repository(self._bundle.folder, repository)


def _version(port: int) -> str | None:
    """The server's version, when it says that it is ready; that is not yet an answer of a model."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_LIMIT_S)
    try:
        connection.request("GET", "/v2/health/ready")
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.OK:
            return None
        connection.request("GET", "/v2")
        version: str = json.load(connection.getresponse())["version"]
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return version
