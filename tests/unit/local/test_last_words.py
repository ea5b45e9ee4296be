# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.local.process import last_words

if TYPE_CHECKING:
    from pathlib import Path

FINE = [f"line {number}" for number in range(40)]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], []),
        (FINE, FINE[-12:]),
        (["java.net.BindException: in use", *FINE], ["java.net.BindException: in use", *FINE[-4:]]),
        ([*FINE, "E1123 12:00 model is broken", "bye"], [*FINE[-2:], "E1123 12:00 model is broken", "bye"]),
        (["\tat java.net.Net.bind(ERROR)", *FINE], FINE[-12:]),
        ([f"ERROR {number}" for number in range(40)], [f"ERROR {number}" for number in range(32, 40)]),
    ],
    ids=["empty", "no complaint", "an early complaint", "a late one", "a stack", "complaints alone"],
)
def test_a_log_is_told_by_its_last_complaints_and_its_very_last_lines(
    lines: list[str], told: list[str], tmp_path: Path
) -> None:
    log = tmp_path / "part.log"
    log.write_text("\n".join(lines))

    assert last_words(log).splitlines() == [f"    {line}" for line in told]
