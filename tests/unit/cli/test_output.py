# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.cli.output import json_text, name_some, visible

ENDLESS = """
from itertools import repeat
from consumer.cli import app, main

@app.command("endless")
def endless() -> None:
    for line in repeat("x" * 1000):
        print(line)

main()
"""
LIMIT_S = 60
FULL = Path("/dev/full")
COMMANDS = ["--help", "--version", "images check ftp://a/"]


def hangtag(command: str, stdout: int) -> tuple[int, list[str]]:
    """Status, and lines of standard error."""
    arguments = [sys.executable, "-m", "consumer", *command.split()]
    environment = {**os.environ, "HANGTAG_HEALTH__PORT": "0"}
    ended = subprocess.run(
        arguments, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False
    )
    return ended.returncode, ended.stderr.splitlines()


def test_a_reader_that_has_enough_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, "endless"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.stdout.close()
        complaints = process.stderr.read()

    assert first == "x" * 1000 + "\n"
    assert (process.returncode, complaints) == (0, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_left_before_the_first_line_is_no_error_of_any_command(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert hangtag(command, writing) == (0, [])
    finally:
        os.close(writing)


def test_run_without_a_reader_of_its_log_is_no_success() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert hangtag("run", writing) == (11, ["hangtag: standard output: nobody reads the log"])
    finally:
        os.close(writing)


@pytest.mark.skipif(not FULL.exists(), reason="a device that is always full")
@pytest.mark.parametrize("command", [*COMMANDS, "run"])
def test_a_full_disk_ends_any_command_with_11_and_one_sentence(command: str) -> None:
    with FULL.open("wb") as full:
        assert hangtag(command, full.fileno()) == (11, ["hangtag: standard output: No space left on device"])


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "ftp://größe–衬衫👗"),  # noqa: RUF001 - a dash that latin-1 does not have
        ("latin-1", r"ftp://größe\u2013\u886c\u886b\ud83d\udc57"),
        ("ascii", r"ftp://gr\u00f6\u00dfe\u2013\u886c\u886b\ud83d\udc57"),
    ],
)
def test_what_standard_output_has_no_character_for_is_escaped_as_in_json(encoding: str, shown: str) -> None:
    def printed(output: str) -> str:
        command = [sys.executable, "-m", "consumer", "images", "check", "--output", output, json.loads(f'"{shown}"')]
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        ended = subprocess.run(command, env=environment, capture_output=True, timeout=LIMIT_S, check=False)
        assert (ended.returncode, ended.stderr) == (1, b"")
        return ended.stdout.decode(encoding)

    assert shown in printed("text")
    assert shown in printed("json")
    assert json.loads(printed("json"))[0]["url"] == json.loads(f'"{shown}"')


def test_what_a_terminal_would_obey_is_shown_and_not_obeyed() -> None:
    hostile = "\x1b[2J \x9b31m \x07\x7f \u202eevil\u2066 \nforged line"

    assert visible(hostile) == r"\u001b[2J \u009b31m \u0007\u007f \u202eevil\u2066 \u000aforged line"
    assert visible("\ud800 \udcff") == r"\ud800 \udcff"
    assert visible("Größe 42 – 衬衫 👗") == "Größe 42 – 衬衫 👗"  # noqa: RUF001 - a dash of the title


def test_json_stays_what_it_says() -> None:
    value = {"title": "\x9b31m \x1b \n \u202e \ud800 ü", "sizes": [1, 2]}

    assert json.loads(json_text(value)) == json.loads(json_text(value, indent=2)) == value
    assert not {"\x9b", "\x1b", "\u202e", "\ud800"} & set(json_text(value, indent=2))


def test_of_many_faults_the_first_some_are_named_and_the_others_counted(capsys: pytest.CaptureFixture[str]) -> None:
    name_some([f"row {number}\n" for number in range(1_234)])
    many = capsys.readouterr()
    name_some([f"row {number}" for number in range(20)])
    few = capsys.readouterr()

    assert many.err.splitlines() == [rf"row {number}\u000a" for number in range(20)] + ["... and 1,214 more"]
    assert few.err.splitlines() == [f"row {number}" for number in range(20)]
    assert (many.out, few.out) == ("", "")
