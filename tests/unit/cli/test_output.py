# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from consumer.cli.output import json_text, name_some, visible

if TYPE_CHECKING:
    import pytest

ENDLESS = """
from itertools import repeat
from consumer.cli.output import print_lines
print_lines(repeat("x" * 1000))
"""


def test_a_reader_that_has_enough_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.stdout.close()
        complaints = process.stderr.read()

    assert first == "x" * 1000 + "\n"
    assert (process.returncode, complaints) == (0, "")


def test_what_a_terminal_would_obey_is_shown_and_not_obeyed() -> None:
    hostile = "\x1b[2J \x9b31m \x07\x7f \u202eevil\u2066 \nforged line"

    assert visible(hostile) == r"\u001b[2J \u009b31m \u0007\u007f \u202eevil\u2066 \u000aforged line"
    assert visible("Größe 42 – 衬衫 👗") == "Größe 42 – 衬衫 👗"  # noqa: RUF001 - a dash of the title


def test_json_stays_what_it_says() -> None:
    value = {"title": "\x9b31m \x1b \n \u202e ü", "sizes": [1, 2]}

    assert json.loads(json_text(value)) == json.loads(json_text(value, indent=2)) == value
    assert not {"\x9b", "\x1b", "\u202e"} & set(json_text(value, indent=2))


def test_of_many_faults_the_first_some_are_named_and_the_others_counted(capsys: pytest.CaptureFixture[str]) -> None:
    name_some([f"row {number}\n" for number in range(1_234)])
    many = capsys.readouterr()
    name_some([f"row {number}" for number in range(20)])
    few = capsys.readouterr()

    assert many.err.splitlines() == [rf"row {number}\u000a" for number in range(20)] + ["... and 1,214 more"]
    assert few.err.splitlines() == [f"row {number}" for number in range(20)]
    assert (many.out, few.out) == ("", "")
