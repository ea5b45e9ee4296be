# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: it leaves no thread behind, and it dials nothing but this machine's loopback."""

from __future__ import annotations

import gc
import signal
import threading
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import settings

from tests.support.loopback import guard_loopback
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = [
    "tests.support.coroutines",
    "tests.support.kafka",
    "tests.support.triton",
    "tests.support.images",
    "tests.support.registry",
    "tests.support.data",
    "tests.support.datasets",
    "tests.support.seconds",
]

THREAD_LIMIT_S = 5


def pytest_configure() -> None:
    """Put the guard in; an audit hook stays for the life of the process."""
    guard_loopback()
    # Hypothesis fails what takes over 200 ms; on a busy machine that is no fault of the code.
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")
    # Under nohup, or as a shell's background job, these are ignored, and what a test starts would inherit that. A
    # handler is not inherited.
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture(autouse=True)
def _logs_are_set_up_by_nobody() -> Iterator[None]:
    """A command that ran inside of a test has told the whole process what to log."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    if _started_since(before):
        gc.collect()  # gRPC's poller ends with the last object of its channel, and a traceback may hold one in a cycle
    wait_until(lambda: not _started_since(before), THREAD_LIMIT_S, f"the end of {_started_since(before)}")


def _started_since(before: set[threading.Thread]) -> set[threading.Thread]:
    # A client library's own thread in which Python code once ran, be it the collector, is on the list for ever.
    # And c-ares' binding frees what is closed on a thread that it starts once, for the life of the process.
    foreign = {
        thread
        for thread in threading.enumerate()
        if isinstance(thread, threading._DummyThread) or "_run_safe_shutdown_loop" in thread.name
    }
    return {thread for thread in threading.enumerate() if thread.is_alive()} - before - foreign
