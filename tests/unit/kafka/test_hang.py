# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from consumer.errors import StaleGeneration

ROOT = Path(__file__).parents[3]

PROGRAM = """
import sys, threading
from consumer.kafka import hang
from consumer.kafka.vitals import Vitals
hang.LOOK_EVERY_S = 0.05
vitals = Vitals(alive_turn_s=float(sys.argv[1]))
with hang.exit_on_hang(vitals):
    threading.Event().wait(float(sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("alive_turn_s", "stuck_s", "code"), [(0.2, 60, StaleGeneration.exit_code), (60, 0.5, 0)], ids=["hangs", "lives"]
)
def test_a_hanging_owner_thread_ends_the_process_with_the_restart_code(
    alive_turn_s: float, stuck_s: float, code: int
) -> None:
    command = [sys.executable, "-c", PROGRAM, str(alive_turn_s), str(stuck_s)]

    ended = subprocess.run(command, cwd=ROOT, timeout=30, check=False, capture_output=True, text=True)

    assert ended.returncode == code
    assert ("wait: " in ended.stdout) == bool(code)
