# SPDX-License-Identifier: Apache-2.0
"""`docs/failures.md` promises a test for each row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "failures.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|")
][2:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_names_a_test_that_is_there_or_says_why_not(row: list[str]) -> None:
    event, *_, proof = row
    if proof.startswith("not yet: "):
        return
    named = re.fullmatch(r"`(tests/\S+\.py)::(test_\w+)`", proof)
    assert named is not None, event
    before, is_there, _ = (ROOT / named[1]).read_text(encoding="utf-8").partition(f"def {named[2]}(")
    assert is_there, event
    decorators, of_the_file = (
        before.rpartition("\n\n\n")[2],
        before.partition("\npytestmark = ")[2].partition("\n\n")[0],
    )
    assert ("mark.full" in decorators + of_the_file) == ("`make test-full`" in event), event


def test_the_page_has_its_rows() -> None:
    assert len(ROWS) > 40


def test_the_engine_asks_the_monotonic_clock_only() -> None:
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "consumer" / "kafka").glob("*.py")]

    assert sources
    assert not any(re.search(r"\btime\.time(_ns)?\(", source) for source in sources)
