# SPDX-License-Identifier: Apache-2.0
"""Waits that have no end of their own: only a stop ends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog
from confluent_kafka import KafkaException

from consumer.kafka.faults import kafka_error

log = structlog.get_logger()

T = TypeVar("T")

KeepWaiting = Callable[[], None]
"""Called between two tries: says that the thread lives, and raises Stopped when there is no more time."""


class Stopped(Exception):
    """A stop was asked for, and its time is over, while the broker did not answer."""


def insist(call: Callable[[], T], keep_waiting: KeepWaiting) -> T:
    """What `call` answers; the same call again as long as its error is retriable.

    A commit that timed out goes on in the background: its outcome is unknown until the same call returns.
    """
    while True:
        try:
            return call()
        except KafkaException as exception:
            error = kafka_error(exception)
            if not error.retriable():
                raise
            log.warning("kafka_call_repeated", error=f"{error.name()}: {error.str()}")
            keep_waiting()
