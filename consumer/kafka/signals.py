# SPDX-License-Identifier: Apache-2.0
"""SIGTERM and SIGINT ask for a clean stop; a second one ends the process at once, which is safe by design."""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = structlog.get_logger()

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_on_signals(request_stop: Callable[[], None]) -> Iterator[None]:
    """Call `request_stop` at the first signal while the block runs. Main thread only.

    A thread of its own listens: the main thread may be inside the Kafka client for many seconds, where Python cannot
    run a handler.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)  # noqa: FBT003 - the socket's own signature
    previous = {number: signal.signal(number, _noted_elsewhere) for number in STOP_SIGNALS}
    previous_descriptor = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    listener = threading.Thread(target=_listen, args=(ours, request_stop), name="signals", daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous_descriptor)
        for number, handler in previous.items():
            signal.signal(number, handler)
        theirs.close()
        listener.join()
        ours.close()


def _noted_elsewhere(*_: object) -> None:
    """The wake-up descriptor carries the news; without any handler the default action would end the process."""


def _listen(arrivals: socket.socket, request_stop: Callable[[], None]) -> None:
    is_stopping = False
    while arrived := arrivals.recv(16):
        for number in arrived:
            if number not in STOP_SIGNALS:
                continue
            if is_stopping:
                os._exit(128 + number)
            is_stopping = True
            log.info("stop_requested", signal=signal.Signals(number).name)
            request_stop()
