# SPDX-License-Identifier: Apache-2.0
"""A broker of our own that can be frozen, stopped and killed, and comes back at the same address with its data."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from consumer.local.kafka import KafkaPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from tests.support.kafka import Kafka

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


def _silent(_: str) -> None:
    """Starting it again is no news."""


@dataclass
class Broker:
    """One Apache Kafka whose files are in `state`; runs within the `with` block."""

    state: Path
    properties: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._book = PortBook(self.state / "ports.json")
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.thaw()
        self._starting.stop()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop it in order, and start it again."""
        self._starting.stop()
        self._start()

    def kill(self) -> None:
        """SIGKILL, and start it again."""
        self._signal(signal.SIGKILL)
        self.restart()

    def _start(self) -> None:
        self._starting = Starting(KafkaPart(self.state, _silent, self.properties), self._book)
        self.kafka = Kafka.of(self._starting.wait())

    def _signal(self, number: signal.Signals) -> None:
        server = self._starting.kept.server
        if server.is_alive:
            os.kill(server.pid, number)
