# SPDX-License-Identifier: Apache-2.0
"""Tells an outage from a client that has lost touch for good, as librdkafka's may (#5301)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource, ResourceType

from consumer.errors import SettingsInvalid, StaleGeneration
from consumer.kafka.cluster import ASK_S, Cluster
from consumer.kafka.faults import advice_for, kafka_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from confluent_kafka.admin import AdminClient

log = structlog.get_logger()

#: Longer than a client may take to come back by itself: 30 s to set up a connection, 10 s until the next attempt.
ASK_EVERY_S = 60.0


class SecondOpinion:
    """Asks a fresh client now and then while ours reaches no broker. Owner thread only."""

    def __init__(self, connect_admin: Callable[[], AdminClient], clock: Callable[[], float] = time.monotonic) -> None:
        self._connect_admin = connect_admin
        self._clock = clock
        self._ask_at_s: float | None = None
        self._was_answered = False

    def check(self, *, is_reachable: bool) -> None:
        """To be called once a second; when it asks, it takes three at most.

        Raises StaleGeneration when brokers answered a fresh client twice in a row and ours reached none in between.
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
        """Whether a broker answers at the address by which the cluster names it; the one we dial may be another."""
        cluster = Cluster(self._connect_admin)
        try:
            brokers = cluster.metadata().brokers
        except (KafkaException, SettingsInvalid):  # the latter if a file with a key or a certificate is gone by now
            return False
        answers = [
            answer
            for number in brokers
            for answer in cluster.admin.describe_configs(
                [ConfigResource(ResourceType.BROKER, str(number))], request_timeout=ASK_S
            ).values()
        ]
        is_answered = any(_is_answer(answer) for answer in answers)
        if is_answered:
            log.warning("brokers_answer_a_fresh_client")
        return is_answered


def _is_answer(answer: Future[object]) -> bool:
    """Whether the broker said anything; that it refuses to tell will do."""
    try:
        answer.result(ASK_S)
    except TimeoutError:
        return False
    except KafkaException as error:
        return advice_for(kafka_error(error)) is not None
    return True
