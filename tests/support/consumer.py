# SPDX-License-Identifier: Apache-2.0
"""`hangtag run` as a process of its own, with its settings, its log and its health port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.flow import Ends
    from tests.support.triton import Triton

START_LIMIT_S = 30
READY_LIMIT_S = 60
END_LIMIT_S = 40


@dataclass(frozen=True, slots=True)
class RunningConsumer:
    """The process. Its log is one JSON object a line."""

    process: subprocess.Popen[bytes]
    log_file: Path
    health_port: int

    def ask(self, page: str) -> tuple[int, str]:
        """Status and body of a page of the health server."""
        url = f"http://127.0.0.1:{self.health_port}/{page}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def obstacles(self) -> list[str]:
        """What stands against readiness now."""
        reasons: list[str] = json.loads(self.ask("readyz")[1])["reasons"]
        return reasons

    def wait_until_ready(self) -> None:
        wait_until(lambda: not self.obstacles(), READY_LIMIT_S, f"readiness; the log says: {self.log_tail()}")

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's lines of one event name."""
        lines = [json.loads(line) for line in self.log_file.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == name]

    def log_tail(self) -> str:
        return "\n".join(self.log_file.read_text().splitlines()[-20:])

    def stop(self) -> int:
        """The exit code after a SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_LIMIT_S)


def settings_between(ends: Ends, triton: Triton) -> dict[str, str]:
    """`HANGTAG_*` for a consumer of its own on these topics and this server."""
    return {f"HANGTAG_TOPICS__{name.upper()}": topic for name, topic in ends.topics.model_dump().items()} | {
        "HANGTAG_KAFKA__BOOTSTRAP_SERVERS": ends.bootstrap_servers,
        "HANGTAG_KAFKA__GROUP_ID": ends.topics.events,
        "HANGTAG_TRITON__GRPC": triton.grpc,
        "HANGTAG_TRITON__READ_KEY": triton.read_key,
        "HANGTAG_TRITON__BUNDLE": str(triton.bundle),
    }


@contextmanager
def run_consumer(folder: Path, settings: Mapping[str, str]) -> Iterator[RunningConsumer]:
    """Start it with `HANGTAG_*` settings and wait for its health port; killed at the end if it still runs."""
    port_file, log_file = folder / "health-port", folder / "consumer.log"
    port_file.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HANGTAG_")}
    environment |= {"HANGTAG_HEALTH__PORT": "0", **settings}
    command = [sys.executable, "-m", "consumer", "run", "--health-port-file", str(port_file)]
    with log_file.open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until(
            lambda: process.poll() is not None or (port_file.exists() and port_file.read_text().strip()),
            START_LIMIT_S,
            "the health port",
        )
        assert process.poll() is None, f"it ended with {process.returncode}:\n{log_file.read_text()}"
        yield RunningConsumer(process, log_file, int(port_file.read_text()))
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
