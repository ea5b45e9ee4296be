# SPDX-License-Identifier: Apache-2.0
"""What a run may not leave behind: offsets short of the end, bitmaps, open transactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from tests.support.engine import committed_offsets
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from consumer.settings import Settings

#: Where offsets that were sent to a transaction wait for its end; the local broker has one partition of it.
_OFFSETS_TOPIC = "__consumer_offsets"
#: Markers follow a commit by milliseconds; an abandoned transaction stays for its timeout.
_MARKERS_S = 4.0
_ASK_S = 30.0


@dataclass(frozen=True)
class Ends:
    """Asks the broker how the topics of one run end."""

    settings: Settings
    partitions: int

    def faults(self) -> list[str]:
        return [*self._open_transactions(), *self._offsets()]

    def is_through(self) -> bool:
        """Whether the group has committed everything."""
        return not self._offsets()

    def _offsets(self) -> list[str]:
        ends = self._of(self.settings.topics.events, IsolationLevel.READ_UNCOMMITTED)
        found = []
        for partition, (offset, metadata) in committed_offsets(self.settings, self.partitions).items():
            # The last record is followed by the marker of its transaction, which no consumer sees.
            if ends[partition] - offset > 1:
                found.append(f"partition {partition} is committed up to {offset} of {ends[partition]}")
            if metadata:
                found.append(f"partition {partition} has a bitmap left: {metadata}")
        return found

    def _open_transactions(self) -> list[str]:
        topics = [*self.settings.topics.model_dump().values(), _OFFSETS_TOPIC]
        try:
            wait_until(lambda: not any(map(self._unstable, topics)), _MARKERS_S)
        except AssertionError:
            return [f"a transaction is open in {topic}" for topic in topics if self._unstable(topic)]
        return []

    def _unstable(self, topic: str) -> bool:
        return self._of(topic, IsolationLevel.READ_COMMITTED) != self._of(topic, IsolationLevel.READ_UNCOMMITTED)

    def _of(self, topic: str, isolation: IsolationLevel) -> dict[int, int]:
        admin = AdminClient({"bootstrap.servers": self.settings.kafka.bootstrap_servers, "log_level": 0})
        numbers = admin.list_topics(topic, timeout=_ASK_S).topics[topic].partitions
        latest = {TopicPartition(topic, number): OffsetSpec.latest() for number in numbers}  # type: ignore[no-untyped-call]
        answers = admin.list_offsets(latest, isolation_level=isolation, request_timeout=_ASK_S)
        return {partition.partition: answer.result(_ASK_S).offset for partition, answer in answers.items()}
