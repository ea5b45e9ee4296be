# SPDX-License-Identifier: Apache-2.0
"""How long a reader of the outputs had to wait."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from consumer.kafka.message import delivery_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

_POLL_S = 0.1


def longest_wait_s(arrivals_s: Iterable[float], since_s: float) -> float:
    """Between two arrivals, or between `since_s` and the first after it: there need not be one before. Else 0."""
    moments_s = [since_s, *(at_s for at_s in arrivals_s if at_s > since_s)]
    return max((later - earlier for earlier, later in pairwise(moments_s)), default=0.0)


class Reader:
    """Reads what is committed, as it comes, for the length of the `with` block."""

    def __init__(self, bootstrap_servers: str, topic: str, partitions: int) -> None:
        self._arrivals: dict[int, list[float]] = defaultdict(list)
        self._partitions = range(partitions)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in self._partitions])
        self._is_done = threading.Event()
        self._thread = threading.Thread(target=self._read, name="reader")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_done.set()
        self._thread.join()
        self._consumer.close()

    def has_all_since(self, at_s: float) -> bool:
        """Whether every partition brought something since then, by the monotonic clock."""
        return all(self._arrivals[number] and self._arrivals[number][-1] > at_s for number in self._partitions)

    def longest_gap_s(self, since_s: float) -> float:
        """Longest wait for the next arrival from one partition, counted from then on."""
        return max(longest_wait_s(self._arrivals[number], since_s) for number in self._partitions)

    def _read(self) -> None:
        while not self._is_done.is_set():
            partitions = {delivery_of(m).partition for m in self._consumer.consume(500, _POLL_S) if m.error() is None}
            for number in partitions:
                self._arrivals[number].append(time.monotonic())
