# SPDX-License-Identifier: Apache-2.0
"""Ends a process whose owner thread hangs inside the Kafka client, where nothing else can reach it.

librdkafka does so after the loss of a coordinator, whatever timeout a call is given (librdkafka#5511). The call that
was seen to hang has a shorter limit of its own (`transaction.py`); this is for all others. A fresh start of the slot
cleans up.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from consumer.errors import StaleGeneration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.kafka.vitals import Vitals

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
_INNERMOST = 3
#: A full pipe may block the log for ever.
_LOG_S = 5.0


@contextmanager
def exit_on_hang(vitals: Vitals) -> Iterator[None]:
    """While the block runs: leave with the exit code that asks for a restart as soon as the loop is not alive.

    The calling thread is the owner.
    """
    ended = threading.Event()
    watched = (vitals, threading.get_ident(), ended)
    watcher = threading.Thread(target=_watch, args=watched, name="hang-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _watch(vitals: Vitals, owner: int, ended: threading.Event) -> None:
    while not ended.wait(LOOK_EVERY_S):
        if reasons := vitals.not_alive():
            # The last resort: whatever becomes of the log line, the process ends.
            threading.Timer(_LOG_S, os._exit, (StaleGeneration.exit_code,)).start()
            try:
                log.error("owner_thread_hangs", reasons=reasons, inside=_whereabouts(owner))
            finally:
                os._exit(StaleGeneration.exit_code)


def _whereabouts(thread: int) -> list[str]:
    """The calls that a thread is in the middle of, innermost last."""
    stack = traceback.extract_stack(sys._current_frames()[thread])  # noqa: SLF001 - the documented way to other threads
    return [f"{call.name}: {call.line}" for call in stack[-_INNERMOST:]]
