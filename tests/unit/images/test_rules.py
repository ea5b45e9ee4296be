# SPDX-License-Identifier: Apache-2.0
"""Every rule of the threat model has a test."""

from __future__ import annotations

import pytest

from tests.support.marks import marks_by_file, marks_of

RULES = {
    1: "one parse, one URL object; nothing that two parsers may read in two ways",
    2: "schemes https and http",
    3: "ports 80 and 443",
    4: "no user in the URL, no cookies, no credentials, no proxy variables, no referer",
    5: "the address that is really dialled is judged, on every connection and hop",
    6: "three redirects at most, each judged like the first URL, none from https to http",
    7: "a deadline over everything, and shorter ones to connect and to read",
    8: "a cap on bodies by length and by count",
    9: "identity encoding; gzip and deflate inflated with a cap; others refused",
    10: "content types of images or none; then the magic bytes decide",
    11: "200 only; whole 206; 304 only as an answer to our validator",
    12: "five formats, no other decoder",
    13: "pixels and sides are read from the header and judged before decoding",
    14: "no buckets",
    15: "egress is direct or through one proxy, and fails closed",
    16: "hosts that a vendor may name, and hosts that nobody may",
}


@pytest.mark.parametrize("number", RULES)
def test_every_rule_has_a_test(number: int) -> None:
    proving = [file for file, marks in marks_by_file("image_rule").items() if (number,) in marks]

    assert proving, f"no test is marked image_rule({number}): {RULES[number]}"


def test_every_mark_names_one_rule() -> None:
    rules = {(number,) for number in RULES}
    odd = {file: [mark for mark in marks if mark not in rules] for file, marks in marks_by_file("image_rule").items()}

    assert not {file: marks for file, marks in odd.items() if marks}


def test_there_are_sixteen_rules() -> None:
    assert list(RULES) == list(range(1, 17))


def test_a_mark_counts_where_a_test_carries_it() -> None:
    source = """
import pytest
pytestmark = [pytest.mark.slow, pytest.mark.image_rule(1)]
@pytest.mark.image_rule(2)
async def test_a(): ...
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.image_rule(3))])
def test_b(x): ...
@pytest.mark.image_rule(17)
def test_c(): ...
@pytest.mark.image_rule(4)
def support(): ...
# @pytest.mark.image_rule(5)
NOTE = "pytest.mark.image_rule(6)"
"""

    assert sorted(marks_of(source, "image_rule")) == [(1,), (2,), (3,), (17,)]
