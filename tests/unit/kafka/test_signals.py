# SPDX-License-Identifier: Apache-2.0
"""In a process of its own: signals belong to its main thread."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
LIMIT_S = 30

# The main thread sits in a C call that Python's own handlers would have to wait for.
PROGRAM = """
import threading, sys
from consumer.kafka.signals import stop_on_signals
asked = threading.Event()
def ask():
    print("asked", flush=True)
    asked.set()
with stop_on_signals(ask):
    print("up", flush=True)
    lock = threading.Lock(); lock.acquire()
    asked.wait()
    if sys.argv[1] == "stuck":
        lock.acquire()
print("left", flush=True)
"""


@pytest.fixture
def program(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM, request.param]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
        process.kill()


@pytest.mark.parametrize("program", ["polite"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_for_a_stop(program: subprocess.Popen[str], number: signal.Signals) -> None:
    program.send_signal(number)

    output, _ = program.communicate(timeout=LIMIT_S)
    assert "left" in output
    assert program.returncode == 0


@pytest.mark.parametrize("program", ["stuck"], indirect=True)
def test_a_second_signal_ends_a_process_that_is_stuck(program: subprocess.Popen[str]) -> None:
    program.send_signal(signal.SIGTERM)
    assert program.stdout is not None
    while "asked" not in program.stdout.readline():
        pass

    program.send_signal(signal.SIGTERM)

    assert program.wait(LIMIT_S) == 128 + signal.SIGTERM
