# SPDX-License-Identifier: Apache-2.0
"""The bounds on timelines made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.bounds import Bounds
from tests.chaos.scenario import Scenario
from tests.chaos.timeline import Timeline

if TYPE_CHECKING:
    from pathlib import Path

SESSION_S, TRANSACTION_S = 6.0, 5.0
FREEZE = {"what": "freeze", "slot": "0", "at_s": 1.0, "seconds": 9}
SHORT_FREEZE = FREEZE | {"seconds": 2}
BROKER = {"what": "broker kill", "at_s": 1.0}
KILLED = {"what": "exit", "slot": "0", "at_s": 1.0, "code": -9}


def exit_of(code: int, at_s: float = 5.0, slot: str = "0") -> dict[str, object]:
    return {"what": "exit", "slot": slot, "at_s": at_s, "code": code}


def guest(what: str) -> dict[str, object]:
    return {"what": what, "slot": "guest", "at_s": 1.0}


def takeover(seconds: float, at_s: float = 60.0) -> dict[str, object]:
    return {"what": "takeover", "slot": "0", "at_s": at_s, "seconds": seconds}


def faults(folder: Path, entries: list[dict[str, object]], protocol: str = "range") -> list[str]:
    timeline = Timeline(folder / "timeline.jsonl")
    timeline.entries += entries
    scenario = Scenario(protocol, 1, 0, {}, session_timeout_s=SESSION_S, transaction_timeout_s=TRANSACTION_S)
    return Bounds(scenario, timeline).faults()


@pytest.mark.parametrize(
    ("entries", "protocol"),
    [
        ([], "range"),
        ([FREEZE, exit_of(10)], "range"),
        ([FREEZE, exit_of(13)], "range"),
        ([BROKER, exit_of(13), exit_of(10, slot="1")], "range"),
        # It leaves the group and comes back: each may catch a member that works.
        ([KILLED, exit_of(13, slot="1"), exit_of(13)], "cooperative-sticky"),
        ([guest("join"), exit_of(13)], "cooperative-sticky"),
        ([guest("leave"), exit_of(13)], "cooperative-sticky"),
        ([{"what": "term", "slot": "0", "at_s": 1.0}, exit_of(0), exit_of(13, slot="1")], "kip-848"),
        # The frozen one is out of the group and ends, and so the group moves twice more: each may catch the other.
        ([FREEZE, exit_of(13), *[exit_of(13, slot="1")] * 2], "cooperative-sticky"),
        ([BROKER, *[exit_of(13), exit_of(13, slot="1")] * 2], "kip-848"),
        ([takeover(21)], "range"),
        ([takeover(30), exit_of(0, 45.0, "1")], "range"),
        ([{"what": "return", "slot": "0", "at_s": 9.0, "seconds": 8}], "range"),
        ([{"what": "return", "slot": "0", "at_s": 9.0, "seconds": 3}], "range-static"),
    ],
)
def test_what_the_faults_explain_is_fine(tmp_path: Path, entries: list[dict[str, object]], protocol: str) -> None:
    assert faults(tmp_path, entries, protocol) == []


@pytest.mark.parametrize(
    ("entries", "protocol", "words"),
    [
        ([SHORT_FREEZE, exit_of(10)], "range", "1 exits with 10"),
        ([FREEZE, exit_of(10), exit_of(13)], "range", "1 exits with 10 and 1 with 13"),
        ([BROKER] + [exit_of(13)] * 3, "range", "3 with 13"),
        ([KILLED, exit_of(13)], "range-static", "1 with 13"),
        ([KILLED] + [exit_of(13)] * 3, "kip-848", "3 with 13"),
        ([KILLED, exit_of(10)], "kip-848", "1 exits with 10"),
        ([exit_of(13), exit_of(0), exit_of(0, slot="1")], "kip-848", "1 with 13"),
        ([FREEZE] + [exit_of(13)] * 4, "cooperative-sticky", "4 with 13"),
        ([BROKER] + [exit_of(13)] * 5, "kip-848", "5 with 13"),
        ([BROKER] + [exit_of(10)] * 3, "kip-848", "3 exits with 10"),
        ([takeover(22)], "range", "took 22 s"),
        ([takeover(30), exit_of(0, 32.0, "1")], "range", "28.0 of them"),
        ([takeover(30), exit_of(0, 45.0, "0")], "range", "took 30 s"),
        ([{"what": "return", "slot": "0", "at_s": 9.0, "seconds": 8}], "range-static", "8.0 s"),
    ],
)
def test_what_they_do_not_explain_is_told(
    tmp_path: Path, entries: list[dict[str, object]], protocol: str, words: str
) -> None:
    (fault,) = faults(tmp_path, entries, protocol)
    assert words in fault
