# SPDX-License-Identifier: Apache-2.0
"""Each branch of the decision, held against the whole event that was read and agreed to once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.branches import BRANCHES, FOLDER, published, written

EVENTS = {name: json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in BRANCHES}


def attribute(name: str, handle: str) -> Any:
    (found,) = (entry for entry in EVENTS[name]["attributes"] if entry["handle"] == handle)
    return found


def labels(name: str, handle: str) -> list[str]:
    return [value["label"] for value in attribute(name, handle)["values"]]


@pytest.mark.parametrize("name", BRANCHES)
def test_a_product_gives_the_event_that_was_agreed_to(name: str) -> None:
    event = written(published(BRANCHES[name]))

    assert event == (FOLDER / f"{name}.json").read_text(encoding="utf-8")


def test_every_file_is_used() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == BRANCHES.keys()


def test_every_status_is_reached() -> None:
    statuses = {entry["status"] for event in EVENTS.values() for entry in event["attributes"]}
    category = {event["category"]["status"] for event in EVENTS.values()}

    assert statuses == category | {"not_applicable"}
    assert category == {"accepted", "suggested", "abstained", "conflict"}
    assert {event["status"] for event in EVENTS.values()} == {"enriched", "degraded"}


def test_what_is_taken_away_weakens_the_event_and_breaks_nothing() -> None:
    assert labels("everything-agrees", "color") == ["Navy"]
    assert labels("without-title", "color") == ["Navy"]
    assert attribute("without-title", "fabric")["status"] == "abstained"
    assert EVENTS["without-images"]["quality"]["modalities"] == ["text"]
    assert attribute("without-vendor-attributes", "color")["evidence"]["vendor"] is None
    assert EVENTS["image-lost"]["status"] == "degraded"


def test_a_shallow_node_has_the_attributes_that_its_likely_leaves_share() -> None:
    assert EVENTS["safe-only-higher-up"]["category"]["id"] == "aa-1-13"
    assert labels("safe-only-higher-up", "neckline") == ["V-neck"]
    assert attribute("category-suggested", "neckline")["status"] == "not_applicable"
    assert attribute("category-left-open", "sleeve-length-type")["status"] == "not_applicable"
    assert attribute("category-left-open", "color")["status"] != "not_applicable"


def test_what_words_name_has_only_to_fit_the_likeliest_leaf() -> None:
    neckline = attribute("category-left-open", "neckline")

    assert (labels("category-left-open", "neckline"), neckline["status"]) == (["V-neck"], "suggested")
    assert attribute("category-in-conflict", "sleeve-length-type")["status"] == "not_applicable"


def test_no_neckline_on_shoes_whatever_the_vendor_says() -> None:
    neckline = attribute("not-applicable", "neckline")

    assert (neckline["status"], neckline["values"], neckline["vendor_raw"]) == ("not_applicable", [], "V-neck")
    assert labels("not-applicable", "footwear-material") == ["Suede"]


def test_a_colour_that_nobody_confirms_is_a_suggestion() -> None:
    assert attribute("colour-without-agreement", "color")["status"] == "suggested"
    assert attribute("title-names-another-colour", "color")["status"] == "suggested"


def test_colours_have_roles_and_the_shade_beside_the_family() -> None:
    values = attribute("several-colours", "color")["values"]

    assert [(value["label"], value["role"], value["shade_label"]) for value in values] == [
        ("Red", "primary", "Maroon"),
        ("Navy", "secondary", None),
    ]


def test_a_conflict_keeps_both_sides_and_asks_a_person() -> None:
    color, event = attribute("colour-in-conflict", "color"), EVENTS["colour-in-conflict"]

    assert (color["status"], color["values"]) == ("conflict", [])
    assert [value["label"] for value in color["alternatives"]] == ["Navy", "Red"]
    assert (color["vendor_raw"], color["evidence"]["vendor"]) == ("Maroon", 0.0)
    assert event["review"]["needed"]
    assert event["review"]["reasons"] == ["conflict"]
    assert 0 < event["review"]["priority"] <= 1


def test_a_category_in_conflict_has_the_attributes_of_both_sides_only() -> None:
    event = EVENTS["category-in-conflict"]

    assert event["category"]["status"] == "conflict"
    assert [value["label"] for value in event["category"]["alternatives"]] == ["Heels"]
    assert attribute("category-in-conflict", "neckline")["status"] == "not_applicable"
    assert event["review"]["reasons"] == ["conflict"]


def test_words_alone_are_suggestions_whose_confidence_nobody_measured() -> None:
    rise, fit = attribute("words-alone", "waist-rise"), attribute("words-alone", "fit")

    assert (rise["status"], rise["values"][0]["label"], rise["values"][0]["confidence"]) == ("suggested", "High", 0.0)
    assert rise["evidence"]["text"] == 1.0
    assert (fit["status"], fit["values"]) == ("abstained", [])
    assert [value["label"] for value in fit["alternatives"]] == ["Skinny leg", "Slim"]
    assert labels("words-alone", "fabric") == ["Cotton", "Lycra"]
    assert attribute("words-alone", "sleeve-length-type")["status"] == "not_applicable"


def test_a_word_that_the_head_cannot_answer_stands_before_the_head() -> None:
    assert labels("beyond-the-head", "sleeve-length-type") == ["Cap"]


def test_the_vendor_alone_suggests_and_his_words_are_kept() -> None:
    event, color = EVENTS["nothing-but-the-vendor"], attribute("nothing-but-the-vendor", "color")

    assert (event["category"]["breadcrumb"], event["category"]["status"]) == (
        "Apparel & Accessories > Clothing > Dresses",
        "suggested",
    )
    assert (color["values"][0]["label"], color["vendor_raw"]) == ("Brown", "Toasted Walnut")
    assert attribute("nothing-but-the-vendor", "pants-length-type")["status"] == "not_applicable"
    assert event["review"]["reasons"] == ["no_evidence"]


def test_hostile_text_changes_nothing_and_stays_as_it_was() -> None:
    color = attribute("hostile-text", "color")

    assert color["vendor_raw"] == "{color}"
    assert labels("hostile-text", "color") == ["Navy"]
    assert attribute("hostile-text", "target-gender")["status"] == "accepted"
