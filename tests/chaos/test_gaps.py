# SPDX-License-Identifier: Apache-2.0
"""The longest wait of a reader, on arrivals made by hand."""

from __future__ import annotations

import pytest

from tests.chaos.gaps import longest_wait_s


@pytest.mark.parametrize(
    ("arrivals_s", "wait_s"),
    [
        ([12.0, 13.0, 20.0, 21.0], 7.0),
        # Nothing before: a partition whose first output comes after the outage waited for all of it.
        ([30.0, 31.0], 20.0),
        ([2.0, 9.0, 14.0, 15.0], 4.0),
        ([2.0, 9.0], 0.0),
    ],
)
def test_a_wait_begins_with_an_arrival_or_with_the_moment_that_is_asked_for(
    arrivals_s: list[float], wait_s: float
) -> None:
    assert longest_wait_s(arrivals_s, 10.0) == wait_s
