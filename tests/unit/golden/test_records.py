# SPDX-License-Identifier: Apache-2.0
"""The files of golden records themselves: whole, and in words that exist."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest

from consumer.registry.files import Subject, schema_versions
from tests.golden.expectations import Golden, holds, read_records

ONTOLOGY = json.loads((resources.files("triton_models") / "ontology" / "v1.json").read_text(encoding="utf-8"))
NODES = {node["id"] for node in ONTOLOGY["categories"]}
IDS = {entry["handle"]: {value["id"] for value in entry["values"]} for entry in ONTOLOGY["attributes"]}
SHADES = {shade["id"] for entry in ONTOLOGY["attributes"] for shade in entry["shades"]}
STATUSES = {"ACCEPTED", "SUGGESTED", "ABSTAINED", "NOT_APPLICABLE", "CONFLICT"}
WORDS_WITH_IDS = {"top", "value", "accepted", "primary", "among"}

#: Says nothing of any attribute, so that every claim can be asked.
SILENT: dict[str, Any] = {
    "category": {"id": None, "path": [], "status": "abstained"},
    "attributes": [
        {"handle": handle, "status": "abstained", "values": [], "alternatives": [], "vendor_raw": None}
        for handle in IDS
    ],
    "text": {"language": None, "flags": []},
    "review": {"needed": False, "reasons": []},
}

TUNING, UNREAD = read_records("tuning"), read_records("unread")
ALL = [*TUNING, *UNREAD]


def test_there_are_sixty_of_different_names() -> None:
    assert (len(TUNING), len(UNREAD)) == (40, 20)
    assert len({golden.name for golden in ALL}) == 60


def test_the_unread_ones_ask_for_enough() -> None:
    assert sum(len(golden.must) for golden in UNREAD) >= 60
    assert all(golden.why and golden.must and golden.must_not for golden in ALL)


@pytest.mark.parametrize("golden", ALL, ids=range(len(ALL)))
def test_a_product_has_fields_of_the_event_and_no_photos(golden: Golden) -> None:
    event = {field["name"] for field in schema_versions(Subject.PRODUCT_EVENTS)[-1]["fields"]}

    assert golden.product.keys() <= event - {"image_urls"}


@pytest.mark.parametrize("golden", ALL, ids=range(len(ALL)))
def test_expectations_are_made_of_words_and_ids_that_exist(golden: Golden) -> None:
    for claim in (*golden.must, *golden.must_not):
        holds(claim, SILENT)
        assert _unknown_ids(claim) == set(), claim
    assert set(golden.abstain) <= {*IDS, "category"}


def _unknown_ids(claim: dict[str, Any]) -> set[str]:
    handle, found = claim.get("attribute", ""), set[str]()
    for word, expected in claim.items():
        asked = set(expected) if isinstance(expected, list) else {expected}
        if word in {"category_path_contains", "category_within"}:
            found |= asked - NODES
        elif word in {"status", "category_status"}:
            found |= asked - STATUSES
        elif word in WORDS_WITH_IDS:
            found |= asked - IDS[handle]
        elif word == "shade":
            found |= asked - SHADES
    return found
