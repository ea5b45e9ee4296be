# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
import typer

from consumer.cli.findings import report
from consumer.cli.output import Output
from consumer.doctor.finding import Finding, Status

FINE = [
    Finding("a", Status.OK, "fine"),
    Finding("b", Status.WARNING, "odd", "mind it"),
    Finding("c", Status.UNKNOWN, "not told"),
]


@pytest.mark.parametrize("output", Output)
def test_warnings_and_what_is_unknown_are_told_and_exit_with_0(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    report(FINE, output)

    shown = capsys.readouterr().out
    assert all(word in shown for word in ("fine", "odd", "mind it", "not told"))


@pytest.mark.parametrize("output", Output)
def test_a_failed_check_exits_with_1_after_all_were_told(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        report([Finding("d", Status.FAILED, "broken", "mend it"), *FINE], output)

    assert caught.value.exit_code == 1
    assert "not told" in capsys.readouterr().out


def test_programs_get_one_list(capsys: pytest.CaptureFixture[str]) -> None:
    report(FINE, Output.JSON)

    first, second, _ = json.loads(capsys.readouterr().out)
    assert first == {"check": "a", "status": "ok", "found": "fine", "advice": None}
    assert second["advice"] == "mind it"


def test_a_brokers_words_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report([Finding("a", Status.WARNING, "\x1b[2J", "\x07")], Output.TEXT)

    assert "\x1b" not in capsys.readouterr().out
