# SPDX-License-Identifier: Apache-2.0
"""Ends a process whose owner thread hangs inside the Kafka client, where nothing else can reach it.

librdkafka's `send_offsets_to_transaction` may never return after the loss of the transaction coordinator, whatever its
timeout says (librdkafka#5511). A fresh start of the slot cleans up.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from consumer.errors import StaleGeneration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.kafka.vitals import Vitals

log = structlog.get_logger()

LOOK_EVERY_S = 1.0


@contextmanager
def exit_on_hang(vitals: Vitals) -> Iterator[None]:
    """While the block runs: leave with the exit code that asks for a restart as soon as the loop is not alive."""
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(vitals, ended), name="hang-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _watch(vitals: Vitals, ended: threading.Event) -> None:
    while not ended.wait(LOOK_EVERY_S):
        if reasons := vitals.not_alive():
            log.error("owner_thread_hangs", reasons=reasons)
            os._exit(StaleGeneration.exit_code)
