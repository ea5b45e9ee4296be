# SPDX-License-Identifier: Apache-2.0
"""Seconds per test folder at the end of a run, so that a suite that grows slow says where."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

LEVELS = 3  # tests/integration/local


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print them; setup and teardown of fixtures count where they were first needed."""
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if hasattr(report, "duration"):
                file = PurePath(report.nodeid.partition("::")[0])
                seconds["/".join(file.parent.parts[:LEVELS])] += report.duration
    terminalreporter.section("seconds per folder")
    for folder, total in seconds.most_common():
        terminalreporter.line(f"{total:8.1f}  {folder}")
