# SPDX-License-Identifier: Apache-2.0
"""What both ways of delivery have in common: the batch that they publish, and how they say that it did not work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from consumer.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import KafkaError, TopicPartition

    from consumer.events import OutputRecord


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything of one transaction."""

    records: Sequence[tuple[int, OutputRecord]]
    """With the partition number of the input record: one writer and one order per key, whatever the partitioner."""
    offsets: Sequence[TopicPartition]


class NotPublished(Transient):
    """Nothing of the batch counts; the same results are to be published again. `error` says why."""

    def __init__(self, error: KafkaError) -> None:
        super().__init__(f"{error.name()}: {error.str()}")
        self.error = error


class Publisher(Protocol):
    """Makes a batch of results final."""

    def start(self) -> None:
        """Open a fresh producer, the first time and after an outage; blocks while what was before is cleaned up."""

    def publish(self, batch: Batch) -> None:
        """Final when it returns. Raises NotPublished, Fatal or Stopped."""
