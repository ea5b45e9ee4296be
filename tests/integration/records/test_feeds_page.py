# SPDX-License-Identifier: Apache-2.0
"""The files and commands of docs/feeds.md, typed in the order of the page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from consumer.cli import app

if TYPE_CHECKING:
    from consumer.settings import TopicSettings

PAGE = Path(__file__).parents[3] / "docs" / "feeds.md"
FILE = re.compile(r"`([\w.]+)`:\n\n```\n(.*?)```", re.DOTALL)
COMMANDS = re.compile(r"^hangtag (.*)$", re.MULTILINE)

EXPECTED = [
    (0, "2 rows: 2 events would go to {topic}, 0 bad\n"),
    (0, "2 rows: 2 events went to {topic}, 0 bad"),
    (0, "2 rows: 2 events went to {topic}, 0 bad"),
    (0, "2 rows: 2 events would go to {topic}, 0 bad"),
    (0, "0 of 2 known products left the feed\nthey are withdrawn\n"),
]


@pytest.mark.kafka
@pytest.mark.usefixtures("broker")
def test_the_pages_commands_do_what_it_says(
    topics: TopicSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = PAGE.read_text()
    for name, content in FILE.findall(page):
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    results = [CliRunner().invoke(app, shlex.split(line)) for line in COMMANDS.findall(page)]

    assert [result.exit_code for result in results] == [status for status, _ in EXPECTED]
    for result, (_, words) in zip(results, EXPECTED, strict=True):
        assert words.format(topic=topics.events) in result.stdout
