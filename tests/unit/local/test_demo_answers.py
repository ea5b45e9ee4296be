# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from consumer.catalogue.products import Product, Trouble, Truth
from consumer.local.demo_answers import Answers, accuracy, differences
from consumer.settings import Delivery


def product(*, is_titled: bool = True, trouble: Trouble | None = None) -> Product:
    return Product("s", "Nordvik", "title", Truth("aa-1-4", "18", "13", is_titled), (), trouble)


def record(category: str = "aa-1-4", gender: str = "18", color: str = "13", *, is_open: bool = False) -> dict[str, Any]:
    def attribute(handle: str, value: str) -> dict[str, Any]:
        found = [{"id": value}]
        return {"handle": handle, "values": [] if is_open else found, "alternatives": found if is_open else []}

    return {
        "status": "ENRICHED",
        "category": {"path": ["aa", category]},
        "attributes": [attribute("color", color), attribute("target-gender", gender)],
    }


SENT = {"v:1": product(), "v:2": product(trouble=Trouble.BROKEN_RECORD), "v:3": product(trouble=Trouble.DELETE)}
RIGHT = Answers((("v:1", record()), ("v:3", None)), ("v:2",))


def test_one_answer_for_each_event_is_no_difference() -> None:
    assert differences(SENT, 3, RIGHT, Delivery.EXACTLY_ONCE) == []


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        (Answers((("v:1", record()),), ("v:2",)), "attributes: 1 keys are missing and 0 should not be there"),
        (Answers((*RIGHT.attributes, ("v:2", record())), ()), "dead letters: 1 keys are missing"),
        (Answers(RIGHT.attributes, ("v:2", "v:9")), "dead letters: 0 keys are missing and 1 should not be there"),
        (Answers((*RIGHT.attributes, ("v:1", record())), ("v:2",)), "3 events went in, 4 answers"),
    ],
)
def test_a_lost_strange_or_second_answer_is_a_difference(answers: Answers, complaint: str) -> None:
    found = differences(SENT, 3, answers, Delivery.EXACTLY_ONCE)

    assert any(complaint in line for line in found)


def test_without_transactions_an_answer_may_come_twice_but_not_be_missing() -> None:
    twice = Answers((*RIGHT.attributes, ("v:1", record())), ("v:2",))

    assert differences(SENT, 3, twice, Delivery.AT_LEAST_ONCE) == []
    assert differences(SENT, 3, Answers((), ()), Delivery.AT_LEAST_ONCE) != []


def test_accuracy_counts_first_values_and_first_alternatives() -> None:
    sent = {f"v:{number}": product(is_titled=number < 3) for number in range(4)}
    answers = Answers(
        (
            ("v:0", record()),
            ("v:1", record(color="1")),
            ("v:2", record(is_open=True)),
            ("v:3", record(category="aa-8-10", gender="19")),
        ),
        (),
    )

    assert accuracy(sent, answers) == {
        "category": 0.75,
        "gender": 0.75,
        "color": 0.75,
        "untitled": {"category": 0.0, "gender": 0.0, "color": 1.0},
        "n": 4,
        "n_untitled": 1,
    }


def test_a_product_without_any_answer_counts_as_wrong_and_a_deleted_one_does_not_count() -> None:
    silent = record() | {"category": {"path": []}}
    silent["attributes"] = [{**entry, "values": []} for entry in silent["attributes"]]

    found = accuracy({"v:0": product(), "v:1": product()}, Answers((("v:0", silent), ("v:1", None)), ()))

    assert (found["category"], found["gender"], found["n"]) == (0.0, 0.0, 1)
    assert found["untitled"] == {"category": None, "gender": None, "color": None}
