# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress

WORK = """
from consumer.cli.bars import progress_bars
with progress_bars() as bars:
    bars.say("[b]ready")
    report = bars.of("[red].csv")
    report(1, 3)
    report(3, 3)
    bars.advance("pictures", 2, 7)
"""


#: rich takes anything for a terminal, or nothing, where one of these says so.
PLAIN = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "TTY_COMPATIBLE"}}


def shown_on_a_terminal(code: str) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", code], stderr=theirs, env=PLAIN | {"COLUMNS": "100", "TERM": "xterm"}):
        os.close(theirs)
        shown = b""
        with os.fdopen(ours, "rb", buffering=0) as screen, suppress(OSError):  # EIO when the last writer has closed it
            while piece := screen.read(4096):
                shown += piece
    return shown.decode()


def test_a_terminal_shows_each_bar_with_its_figures_and_names_as_they_are() -> None:
    last = shown_on_a_terminal(WORK).split("[b]ready")[-1]

    for words in ("[red].csv", "3/3", "pictures", "2/7"):
        assert words in last


def shown_without_a_terminal(code: str) -> str:
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, env=PLAIN, timeout=60, check=True)
    assert ended.stdout == b""
    return ended.stderr.decode()


def test_what_is_no_terminal_gets_nothing() -> None:
    assert shown_without_a_terminal(WORK) == ""


def test_on_demand_it_gets_a_line_for_what_happens_and_for_each_step_that_is_done() -> None:
    asked = WORK.replace("progress_bars()", "progress_bars(or_lines=True)")
    done = asked + "    bars.advance('pictures', 7, 7)\n"

    assert shown_without_a_terminal(asked) == "[b]ready\n"
    assert shown_without_a_terminal(done) == "[b]ready\npictures: 7\n"
