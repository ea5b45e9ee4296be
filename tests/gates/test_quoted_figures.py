# SPDX-License-Identifier: Apache-2.0
"""The figures that the shipped bundle quotes, of the test split. `hangtag models verify --data` finds them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Quoted = Callable[..., dict[str, Any]]

#: Photo and title, space B.
BARS = {"gender": 0.99, "article": 0.975, "colour": 0.92}
#: By input and attribute: the least coverage of what is accepted.
COVERAGE = {
    ("all", "target-gender"): 0.90,
    ("all", "category"): 0.85,
    ("all", "color"): 0.70,
    ("photos-only", "target-gender"): 0.90,
}
ACCEPTED_PRECISION = 0.90
#: Of tasks with enough products for ten bins, shown what they are calibrated for.
CALIBRATED = ("photos-only", "titles-only", "all")
LARGEST_ECE, ENOUGH_FOR_ECE = 0.03, 1_500
A_POINT, HALF_A_POINT = 0.01, 0.005


@pytest.mark.gate(1)
def test_nothing_that_is_quoted_was_learnt_from(figures: dict[str, Any]) -> None:
    assert {entry["n_seen_in_training"] for entry in figures["evaluations"]} == {0}


@pytest.mark.gate(2)
@pytest.mark.parametrize("space", ["A", "B", "ours"])
def test_every_task_beats_the_commonest_answer(space: str, quoted: Quoted) -> None:
    found = quoted(space, "bare-titles")
    commonest = found["baselines"]["majority"]

    for inputs in ("photos-only", "titles-only", "all"):
        for task, metrics in quoted(space, inputs)["tasks"].items():
            assert metrics["ci95"][0] > commonest[task]["ci95"][1], (inputs, task)


@pytest.mark.parametrize("task", BARS)
def test_the_figures_are_not_below_the_bars(task: str, quoted: Quoted) -> None:
    assert quoted("B", "all")["tasks"][task]["accuracy"] >= BARS[task]


@pytest.mark.gate(3)
@pytest.mark.parametrize("space", ["A", "B", "ours"])
def test_a_title_without_its_words_does_not_harm_what_the_photo_says(space: str, quoted: Quoted) -> None:
    photo, bare = (
        {task: figure["accuracy"] for task, figure in quoted(space, inputs)["tasks"].items()}
        for inputs in ("photos-only", "bare-titles")
    )

    assert {task: bare[task] - photo[task] >= -A_POINT for task in photo} == dict.fromkeys(photo, True)


@pytest.mark.gate(3)
@pytest.mark.parametrize("space", ["A", "B", "ours"])
@pytest.mark.parametrize("alone", ["photos-only", "titles-only"])
def test_photo_and_title_together_are_no_worse_than_either(space: str, alone: str, quoted: Quoted) -> None:
    both, one = (quoted(space, inputs)["tasks"] for inputs in ("all", alone))

    behind = {task: one[task]["accuracy"] - both[task]["accuracy"] for task in both}
    assert {task: points for task, points in behind.items() if points > HALF_A_POINT} == {}


@pytest.mark.gate(5)
@pytest.mark.parametrize("space", ["A", "B", "ours"])
@pytest.mark.parametrize("inputs", CALIBRATED)
def test_confidences_are_shares_of_right_answers(space: str, inputs: str, quoted: Quoted) -> None:
    large = {task: found for task, found in quoted(space, inputs)["tasks"].items() if found["n"] >= ENOUGH_FOR_ECE}

    assert large
    assert {task: found["ece"] for task, found in large.items() if found["ece"] > LARGEST_ECE} == {}


@pytest.mark.gate(5)
@pytest.mark.parametrize(("inputs", "handle"), COVERAGE)
def test_what_is_accepted_is_right_and_not_little(inputs: str, handle: str, quoted: Quoted) -> None:
    accepted = quoted("ours", inputs)["accepted"][handle]

    assert accepted["wilson_low"] >= ACCEPTED_PRECISION
    assert accepted["coverage"] >= COVERAGE[inputs, handle]


@pytest.mark.gate(11)
def test_no_figure_stands_without_its_split_its_n_and_its_interval(figures: dict[str, Any]) -> None:
    assert figures["split"] == "test"
    for entry in figures["evaluations"]:
        shares = [*entry["tasks"].values(), *(share for rule in entry["baselines"].values() for share in rule.values())]
        assert (entry["split"], len(shares) > 0) == ("test", True)
        for share in shares:
            low, high = share["ci95"]
            assert low <= share["accuracy"] <= high, share
            assert 0 < share["n"] <= entry["products"]
        for accepted in entry["accepted"].values():
            assert accepted["wilson_low"] <= accepted["precision"]
            assert accepted["accepted"] <= accepted["n"] <= entry["products"]
