# SPDX-License-Identifier: Apache-2.0
"""Every gate that the shipped bundle must pass has a test."""

from __future__ import annotations

import pytest

from tests.support.marks import marks_by_file

#: Gates 7 to 9 are about duplicates, label issues and drift, which come with the audits.
GATES = {
    1: "no product and no family of duplicates is on two sides of the split, over all tasks",
    2: "every task beats the commonest answer, and its bar unless it is listed; none is a point behind itself alone",
    3: "both together are no worse than either alone; a blank title changes nothing",
    4: "several pictures of a product are no worse than one",
    5: "confidences are calibrated, and what is accepted is right",
    6: "no path contradicts itself, and no attribute is told of a category that has none",
    10: "a run that was killed and goes on ends with the same figures",
    11: "no figure without its split, n and interval",
    12: "the exported graphs answer as the network does, alone as in a batch, and the figures are theirs",
}


@pytest.mark.parametrize("number", GATES)
def test_every_gate_has_a_test(number: int) -> None:
    proving = [file for file, marks in marks_by_file("gate").items() if (number,) in marks]

    assert proving, f"no test is marked gate({number}): {GATES[number]}"


def test_every_mark_names_one_gate() -> None:
    gates = {(number,) for number in GATES}

    assert not {file: marks for file, marks in marks_by_file("gate").items() if set(marks) - gates}
