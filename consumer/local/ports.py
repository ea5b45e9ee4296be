# SPDX-License-Identifier: Apache-2.0
"""Free ports on loopback, the same ones as last time where they are still free."""

from __future__ import annotations

import json
import random
import socket
from typing import TYPE_CHECKING

from consumer.local.state import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

# Below the range from which the kernel takes the ports of outgoing connections, so that none of those is in the way.
CANDIDATES = range(20_000, 32_000)
HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on it now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: closed connections do not count
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def pick(count: int, remembered: list[int]) -> list[int]:
    """`count` different free ports: the remembered ones when all of them are free."""
    if len(remembered) == count and all(map(is_free, remembered)):
        return remembered
    free = (port for port in random.sample(CANDIDATES, len(CANDIDATES)) if is_free(port))
    return [next(free) for _ in range(count)]


class PortBook:
    """The ports of each part, remembered in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self, part: str) -> list[int]:
        """Last ports of a part; empty when it had none."""
        ports: list[int] = self._read().get(part, [])
        return ports

    def remember(self, part: str, ports: list[int]) -> None:
        """Keep them for the next start."""
        write_atomically(self._path, json.dumps(self._read() | {part: ports}))

    def _read(self) -> dict[str, list[int]]:
        try:
            book: dict[str, list[int]] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        return book
