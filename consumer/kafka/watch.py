# SPDX-License-Identifier: Apache-2.0
"""Watches the membership: is there an assignment, does the broker answer, how far behind are we.

A refused JoinGroup shows nowhere but in an error among the messages: the consumer would just sit there.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import structlog

from consumer.errors import Refused
from consumer.kafka.faults import ALL_DOWN, Notice, fatal_for, notice_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from confluent_kafka import KafkaError

    from consumer.kafka.vitals import Vitals
    from consumer.observability.metrics import Metrics

log = structlog.get_logger()

#: No assignment for so long after subscribing or after a revoke is an alarm.
ALARM_S = 30.0
#: A topic that was there at the start may be missing for so long, as while it is created anew.
MISSING_TOPIC_S = 60.0
#: No broker is up for so long: all are gone. Librdkafka mostly says so itself, of a second outage not always.
NONE_UP_S = 3.0
#: The same error is logged this often at most.
REPEAT_S = 5.0


class GroupWatch:
    """Hears what the consumer says on the side and keeps the vitals up to date. Owner thread only."""

    def __init__(self, vitals: Vitals, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._vitals = vitals
        self._metrics = metrics
        self._clock = clock
        self._missing_since_s: float | None = None
        self._topic_missing_since_s: float | None = None
        self._logged_at_s: dict[str, float] = {}
        self._last_error = "none"
        self._is_reachable = True
        self._none_up_since_s: float | None = None
        self._was_up = False
        self._had_outage = False
        self._refusal: Refused | None = None
        self._join_state = "unknown"
        self.end_offsets: Mapping[int, int] = {}
        """Last stable offset per partition, a few seconds old."""

    def assigned(self) -> None:
        """The group gave us partitions, or told us that we are a standby without any."""
        self._missing_since_s = self._topic_missing_since_s = None
        self._vitals.obstacle("assignment", None)

    def unassigned(self) -> None:
        """We subscribed, or our partitions went away."""
        self._missing_since_s = self._clock()
        self._vitals.obstacle("assignment", "the group has not assigned partitions yet")

    def gave_up(self, partitions: Iterable[int]) -> None:
        """These are no longer ours: figures about them would mislead."""
        for partition in partitions:
            self._metrics.partition_gone(partition)
            self._vitals.obstacle(_input_of(partition), None)

    def lost_input(self, partition: int | None, words: str) -> None:
        """A partition stands still until it goes to somebody else, or a person decides."""
        self._vitals.obstacle(_input_of(partition), words)

    def reachable(self) -> None:
        """A broker answers."""
        self._is_reachable = True
        self._none_up_since_s = None
        self._refusal = None
        self._vitals.obstacle("broker", None)

    @property
    def is_reachable(self) -> bool:
        """Whether any broker answered when last heard of."""
        return self._is_reachable

    def take_outage(self) -> bool:
        """Whether all brokers were gone since the last call."""
        had_outage, self._had_outage = self._had_outage, False
        return had_outage

    def foreign_metadata(self, partition: int, reason: str) -> None:
        """A commit carries a bitmap that is not ours."""
        self._metrics.offset_metadata_ignored()
        log.warning("offset_metadata_ignored", partition=partition, reason=reason)

    def heed(self, error: KafkaError) -> Notice:
        """Take note of an error among the messages; what it means. Raises Fatal when the process must end."""
        notice = notice_of(error)
        if notice is not Notice.NOTHING:
            self._note(error)
        if notice is Notice.TOPIC_MISSING:
            self._missing_topic(error)
        return notice

    def client_error(self, error: KafkaError) -> None:
        """Librdkafka's error callback: mostly connections that it will open again by itself."""
        if isinstance(refusal := fatal_for(error), Refused):
            self._refusal = refusal
        if error.code() == ALL_DOWN:
            self._lost_all()
        self._note(error)

    def statistics(self, text: str) -> None:
        """Librdkafka's statistics, each second."""
        facts: dict[str, Any] = json.loads(text)
        self._join_state = facts.get("cgrp", {}).get("join_state", "unknown")
        if any(broker["state"] == "UP" for broker in facts["brokers"].values()):
            self._was_up = True
            self.reachable()
        else:
            self._none_is_up()
        self.end_offsets = {
            int(number): partition["ls_offset"]
            for topic in facts["topics"].values()
            for number, partition in topic["partitions"].items()
            if partition["ls_offset"] >= 0
        }

    def _none_is_up(self) -> None:
        """Before this client's first connection it is no outage: a handshake may take its time."""
        now_s = self._clock()
        if self._none_up_since_s is None:
            self._none_up_since_s = now_s
        elif self._was_up and self._is_reachable and now_s - self._none_up_since_s >= NONE_UP_S:
            self._lost_all()
            self._last_error = "no Kafka broker is up"
            log.warning("kafka_unreachable", seconds=round(now_s - self._none_up_since_s))

    def _lost_all(self) -> None:
        self._is_reachable = False
        self._had_outage = True
        self._vitals.obstacle("broker", "no Kafka broker answers")

    def check(self) -> None:
        """Once a second: sound the alarm when the assignment stays away. Raises Refused when no broker lets us in."""
        if self._refusal is not None and not self._is_reachable:
            raise self._refusal
        missing_s = 0.0 if self._missing_since_s is None else self._clock() - self._missing_since_s
        self._metrics.assignment_missing(missing_s)
        if missing_s >= ALARM_S and self._is_due("assignment_missing"):
            log.error(
                "assignment_missing",
                seconds=round(missing_s),
                join_state=self._join_state,
                last_error=self._last_error,
            )

    def _missing_topic(self, error: KafkaError) -> None:
        now_s = self._clock()
        if self._topic_missing_since_s is None:
            self._topic_missing_since_s = now_s
        self._vitals.obstacle("assignment", f"the input topic is missing: {error.str()}")
        if now_s - self._topic_missing_since_s >= MISSING_TOPIC_S:
            raise Refused(f"the input topic is gone: {error.str()}; `hangtag topics create` makes it")

    def _note(self, error: KafkaError) -> None:
        self._last_error = f"{error.name()}: {error.str()}"
        if self._is_due(error.name()):
            log.warning("kafka_error", error=self._last_error)

    def _is_due(self, what: str) -> bool:
        now_s = self._clock()
        if now_s - self._logged_at_s.get(what, -REPEAT_S) < REPEAT_S:
            return False
        self._logged_at_s[what] = now_s
        return True


def _input_of(partition: int | None) -> str:
    return f"input/{partition}"
