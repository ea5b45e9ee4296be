# SPDX-License-Identifier: Apache-2.0
"""The words in which golden records say what they expect, on answers made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.golden.expectations import Golden, UnknownClaim, holds, judge, shown


def value(value_id: str, shade: str | None = None) -> dict[str, Any]:
    return {"id": value_id, "label": f"label of {value_id}", "confidence": 0.5, "shade_id": shade}


def entry(
    handle: str, status: str, values: list[dict[str, Any]], alternatives: list[dict[str, Any]], raw: str | None = None
) -> dict[str, Any]:
    return {"handle": handle, "status": status, "values": values, "alternatives": alternatives, "vendor_raw": raw}


ANSWER: dict[str, Any] = {
    "category": {"id": "aa-1-13", "path": ["aa", "aa-1", "aa-1-13", "x-kurta"], "status": "accepted"},
    "attributes": [
        entry("color", "accepted", [value("7", "x-shade-tan"), value("3")], [value("1")], "Toasted Walnut"),
        entry("target-gender", "conflict", [], [value("19"), value("18")]),
        entry("neckline", "suggested", [value("390")], []),
        entry("fit", "not_applicable", [], []),
    ],
    "text": {"language": "pt-BR", "flags": ["html"]},
    "review": {"needed": True, "reasons": ["conflict"]},
}

TRUE: list[dict[str, Any]] = [
    {"attribute": "color", "top": "7"},
    {"attribute": "color", "top": ["3", "7"]},
    {"attribute": "color", "shade": "x-shade-tan"},
    {"attribute": "color", "accepted": "3"},
    {"attribute": "color", "primary": "7"},
    {"attribute": "color", "among": "1"},
    {"attribute": "color", "vendor_raw": "Toasted Walnut"},
    {"attribute": "target-gender", "top": "19"},
    {"attribute": "target-gender", "among": "18"},
    {"attribute": "target-gender", "status": ["CONFLICT"]},
    {"attribute": "neckline", "value": "390"},
    {"attribute": "neckline", "any_value": True},
    {"attribute": "fit", "status": ["ABSTAINED", "NOT_APPLICABLE"]},
    {"category_path_contains": "x-kurta"},
    {"category_within": "aa-1"},
    {"category_within": ["aa-8", "aa-1-13"]},
    {"category_status": ["ACCEPTED"]},
    {"review_needed": True},
    {"review_reason": "conflict"},
    {"text_flag": "html"},
    {"language": "pt"},
]

FALSE: list[dict[str, Any]] = [
    {"attribute": "color", "top": "3"},
    {"attribute": "color", "shade": "x-shade-camel"},
    {"attribute": "color", "value": "1"},
    {"attribute": "color", "accepted": ["1", "2"]},
    {"attribute": "color", "primary": "3"},
    {"attribute": "color", "among": "2"},
    {"attribute": "color", "vendor_raw": "toasted walnut"},
    {"attribute": "target-gender", "accepted": "19"},
    {"attribute": "target-gender", "value": "19"},
    {"attribute": "target-gender", "any_value": True},
    {"attribute": "neckline", "accepted": "390"},
    {"attribute": "neckline", "primary": "390"},
    {"attribute": "fit", "top": "6718"},
    {"attribute": "fit", "shade": "x-shade-tan"},
    {"attribute": "fit", "any_value": True},
    {"category_path_contains": "aa-8"},
    {"category_within": "x-kurta"},
    {"category_status": ["ABSTAINED"]},
    {"review_reason": "no_evidence"},
    {"text_flag": "encoding_repaired"},
    {"language": "p"},
]


@pytest.mark.parametrize("claim", TRUE, ids=str)
def test_a_claim_that_holds(claim: dict[str, Any]) -> None:
    assert holds(claim, ANSWER)


@pytest.mark.parametrize("claim", FALSE, ids=str)
def test_a_claim_that_does_not(claim: dict[str, Any]) -> None:
    assert not holds(claim, ANSWER)


@pytest.mark.parametrize(
    "claim",
    [
        {},
        {"attribute": "color"},
        {"attribute": "color", "is": "7"},
        {"attribute": "color", "top": "7", "accepted": "7"},
        {"attribute": "color", "language": "pt"},
        {"top": "7"},
    ],
    ids=str,
)
def test_a_claim_of_other_words_is_refused(claim: dict[str, Any]) -> None:
    with pytest.raises(UnknownClaim):
        holds(claim, ANSWER)


def test_nothing_is_within_a_branch_where_no_level_is_safe() -> None:
    unsafe = ANSWER | {"category": ANSWER["category"] | {"id": None, "status": "abstained"}}

    assert not holds({"category_within": "aa"}, unsafe)
    assert holds({"category_path_contains": "aa"}, unsafe)


def test_a_language_that_nobody_found_is_none() -> None:
    assert not holds({"language": "en"}, ANSWER | {"text": {"language": None, "flags": []}})


def test_an_answer_that_holds_all() -> None:
    golden = Golden("good", "", {}, (TRUE[0], TRUE[1]), (FALSE[0],), ("fit", "target-gender", "neckline"))

    verdict = judge(golden, ANSWER)

    assert (verdict.must_failed, verdict.broken) == ((), ())


def test_what_an_answer_does_not_hold_is_told() -> None:
    golden = Golden("bad", "", {}, (TRUE[0], FALSE[0]), (TRUE[0], {"category_within": "aa"}), ("color", "category"))

    verdict = judge(golden, ANSWER)

    assert len(verdict.must_failed) == 1
    assert verdict.must_failed[0].startswith('bad: {"attribute": "color", "top": "3"}; said: accepted [label of 7 0.50')
    assert [line.split(":")[0] for line in verdict.broken] == ["not bad", "not bad", "abstain bad", "abstain bad"]


def test_of_the_unread_file_nothing_but_the_count_is_shown() -> None:
    lines = ("blue-dress: must be blue", "red-hat: must be red")

    assert shown("tuning", lines) == "blue-dress: must be blue\nred-hat: must be red"
    assert shown("unread", lines).startswith("2 lines of unread")
    assert "blue" not in shown("unread", lines)
