# SPDX-License-Identifier: Apache-2.0
"""Waits that have no end of their own: a stop ends them, or a limit of ours."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
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


def within(limit_s: float, call: Callable[[], None]) -> None:
    """Raises what it raises; TimeoutError when it goes on, in a thread that may never end.

    The client's own timeouts do not hold once the coordinator of the group is lost (librdkafka#5511).
    """
    outcome: Future[None] = Future()
    threading.Thread(target=_settle, args=(outcome, call), name="kafka-call", daemon=True).start()
    try:
        outcome.result(limit_s)
    finally:
        del outcome  # or an error, its traceback and this frame would hold each other, and the client with them


def _settle(outcome: Future[None], call: Callable[[], None]) -> None:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
        outcome.set_exception(error)
    else:
        outcome.set_result(None)
    finally:
        del outcome, call
