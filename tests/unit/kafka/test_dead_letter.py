# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from consumer.kafka.dead_letter import DeadLetterLimit
from consumer.settings import DeadLetterSettings


def reason_after(pattern: str, **settings: float) -> str | None:
    limit = DeadLetterLimit(DeadLetterSettings(**settings))
    for letter in pattern:
        limit.saw([letter == "x"])
    return limit.reason


@pytest.mark.parametrize("size", [1, 7, 250, 1000])
def test_it_does_not_matter_in_how_many_transactions_they_were_published(size: int) -> None:
    pattern = "." * 300 + "x" * 60 + "." * 300 + "x" * 40 + "." * 100 + "xx." * 60
    limit = DeadLetterLimit(DeadLetterSettings(max_run=90))

    for start in range(0, len(pattern), size):
        limit.saw([letter == "x" for letter in pattern[start : start + size]])

    assert limit.reason == reason_after(pattern, max_run=90) is not None


def test_half_of_the_events_may_be_rejected() -> None:
    assert reason_after(".x" * 200) is None


def test_more_than_half_of_the_window_stop_the_intake() -> None:
    assert reason_after("xx." * 17) == "34 dead letters among the last 50 events"


def test_a_few_events_are_not_judged() -> None:
    assert reason_after("x" * 49) is None


def test_a_run_stops_the_intake() -> None:
    assert reason_after("." * 200 + "x" * 99) is None
    assert "in a row" in str(reason_after("." * 200 + "x" * 100, max_share=1))


def test_old_events_leave_the_window() -> None:
    assert reason_after("." * 500 + "xx.." * 25) is None


def test_the_reason_stays() -> None:
    assert reason_after("x" * 60 + "." * 1000) is not None


@pytest.mark.parametrize("pattern", ["x" * 9, "x" * 9 + "." + "x" * 9])
def test_one_good_event_ends_a_run(pattern: str) -> None:
    assert reason_after(pattern, max_run=10) is None
