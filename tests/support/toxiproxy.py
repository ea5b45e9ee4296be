# SPDX-License-Identifier: Apache-2.0
"""A broker behind Toxiproxy: what it advertises to clients is the proxy, which slows, stalls, resets and cuts.

Tests read and write at the broker itself, past the proxy.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.local import ports
from consumer.local.kafka import KafkaPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from tests.support.kafka import Kafka, require_kafka
from tests.support.require import require
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "toxiproxy-server"
#: Where `make test` puts it.
SERVER = shutil.which(NAME, path=str(Path(sys.executable).parent)) or shutil.which(NAME)
START_LIMIT_S = 20
ASK_S = 5
#: New connections that tell that a break was felt.
BACK = 4
BACK_LIMIT_S = 30


@dataclass(frozen=True, slots=True)
class Proxy:
    """The way between a client and the broker. `latency` delays what goes towards the client, in order."""

    url: str
    log: Path

    @property
    def accepted(self) -> int:
        """Connections that clients have opened so far."""
        return self.log.read_text().count("Accepted client")

    @contextmanager
    def latency(self, latency_ms: int, jitter_ms: int = 0) -> Iterator[None]:
        """Every answer comes so much later. Whatever is on its way at the end of the block arrives at once."""
        with self._toxic("latency", {"latency": latency_ms, "jitter": jitter_ms}):
            yield

    def reset(self) -> None:
        """End connections by a TCP reset, those that are open and the next that come."""
        before = self.accepted
        with self._toxic("reset_peer", {"timeout": 0}):
            self._wait_for_return(before)

    def cut(self) -> None:
        """Close all connections, and take new ones again."""
        before = self.accepted
        self._ask("/proxies/kafka", {"enabled": False})
        self._ask("/proxies/kafka", {"enabled": True})
        self._wait_for_return(before)

    def _wait_for_return(self, before: int) -> None:
        wait_until(lambda: self.accepted >= before + BACK, BACK_LIMIT_S, "clients that come back")

    @contextmanager
    def _toxic(self, kind: str, attributes: dict[str, int]) -> Iterator[None]:
        self._ask("/proxies/kafka/toxics", {"name": kind, "type": kind, "attributes": attributes})
        try:
            yield
        finally:
            self._ask(f"/proxies/kafka/toxics/{kind}", method="DELETE")

    def is_up(self) -> bool:
        try:
            self._ask("/version", method="GET")
        except urllib.error.URLError:
            return False
        return True

    def lead(self, listen: int, upstream: int) -> None:
        """Begin: from one port of this machine to another."""
        self._ask("/proxies", {"name": "kafka", "listen": f"127.0.0.1:{listen}", "upstream": f"127.0.0.1:{upstream}"})

    def _ask(self, path: str, body: dict[str, Any] | None = None, method: str = "POST") -> None:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        with urllib.request.urlopen(request, timeout=ASK_S):
            return


@dataclass(frozen=True, slots=True)
class Proxied:
    """`direct` is the broker itself; `bootstrap_servers` leads through the proxy."""

    direct: Kafka
    bootstrap_servers: str
    proxy: Proxy


@contextmanager
def proxied_broker(state: Path) -> Iterator[Proxied]:
    """It runs for the length of the block; its files are in `state`. Skips, or fails in CI, without the parts."""
    require_kafka()
    require("Toxiproxy", SERVER is not None, "apt-get install -y golang-go, then `make test` builds it")
    inside, controller, outside, public, control = ports.pick(5, [])
    book = PortBook(state / "ports.json")
    book.remember(KafkaPart.name, [inside, controller])
    with ExitStack() as stack:
        proxy = stack.enter_context(_proxy(state, control))
        proxy.lead(public, outside)
        part = KafkaPart(state, print, _properties(inside, controller, outside, public))
        broker = stack.enter_context(Starting(part, book))
        yield Proxied(Kafka.of(broker.wait()), f"127.0.0.1:{public}", proxy)


@contextmanager
def _proxy(state: Path, port: int) -> Iterator[Proxy]:
    assert SERVER is not None
    command = [SERVER, "-host", "127.0.0.1", "-port", str(port)]
    log_file = state / "toxiproxy.log"
    with log_file.open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        proxy = Proxy(f"http://127.0.0.1:{port}", log_file)
        try:
            wait_until(proxy.is_up, START_LIMIT_S, "Toxiproxy")
            yield proxy
        finally:
            server.kill()


def _properties(inside: int, controller: int, outside: int, public: int) -> dict[str, str]:
    # Brokers send the markers of a transaction to themselves by what they advertise inside: not through the proxy.
    return {
        "listeners": f"PLAINTEXT://127.0.0.1:{inside},CONTROLLER://127.0.0.1:{controller},OUTSIDE://127.0.0.1:{outside}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{inside},OUTSIDE://127.0.0.1:{public}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,OUTSIDE:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
    }
