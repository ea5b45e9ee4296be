# SPDX-License-Identifier: Apache-2.0
"""Tells an outage from a client that has lost touch for good, as librdkafka's may (#5301)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from confluent_kafka import KafkaException

from consumer.errors import StaleGeneration
from consumer.kafka.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka.admin import AdminClient

log = structlog.get_logger()

#: Three times as long as the longest pause of a client between two attempts to connect.
ASK_EVERY_S = 30.0


class SecondOpinion:
    """Asks a fresh client now and then while ours reach no broker. Owner thread only."""

    def __init__(self, connect_admin: Callable[[], AdminClient], clock: Callable[[], float] = time.monotonic) -> None:
        self._connect_admin = connect_admin
        self._clock = clock
        self._ask_at_s: float | None = None
        self._was_answered = False

    def check(self, *, is_reachable: bool) -> None:
        """To be called at least once a second; takes a second at most.

        Raises StaleGeneration when a fresh client was answered twice in a row and ours reached nobody in between.
        """
        now_s = self._clock()
        if is_reachable:
            self._ask_at_s, self._was_answered = None, False
            return
        if self._ask_at_s is None:
            self._ask_at_s = now_s + ASK_EVERY_S
        if now_s < self._ask_at_s:
            return
        self._ask_at_s = now_s + ASK_EVERY_S
        is_answered = self._is_answered()
        if is_answered and self._was_answered:
            raise StaleGeneration(f"the client has reached no broker for {ASK_EVERY_S:g} s and more; a fresh one does")
        self._was_answered = is_answered

    def _is_answered(self) -> bool:
        try:
            Cluster(self._connect_admin).metadata()
        except KafkaException:
            return False
        log.warning("only_our_client_reaches_no_broker")
        return True
