# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from consumer.enrichment.ontology import Ontology
from consumer.errors import IncompatibleModels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMON = 100

#: What `ontology/v1.json` takes from Google's product taxonomy, with the paths there (version 2021-09-21).
GOOGLE = {
    "aa": ("166", "Apparel & Accessories"),
    "aa-2": ("167", "Apparel & Accessories > Clothing Accessories"),
    "aa-5": ("6551", "Apparel & Accessories > Handbags, Wallets & Cases"),
    "aa-6": ("188", "Apparel & Accessories > Jewelry"),
    "aa-7": ("1933", "Apparel & Accessories > Shoe Accessories"),
}
GOOGLE_PERSONAL_CARE = "2915"  # Health & Beauty > Personal Care


def styles(data_folder: Path) -> list[dict[str, str]]:
    with (data_folder / "fashion-product-images" / "styles.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_category_has_a_google_id_and_a_path_from_a_root(ontology: Ontology) -> None:
    for node in ontology.categories.values():
        assert node.google_id.isdigit()
        assert node.path[-1] == node.id
        assert node.breadcrumb.count(" > ") == len(node.path) - 1


def test_a_category_without_its_own_google_id_takes_that_of_the_nearest_ancestor(ontology: Ontology) -> None:
    assert ontology.google_id("x-kurta") == ontology.google_id("aa-1-13") == "212"
    assert ontology.google_id("aa-1-12-4") == "204"
    assert ontology.google_id("x-lipstick") == ontology.google_id("x-personal-care")


def test_branches_have_the_google_ids_of_the_categories_of_the_same_name(ontology: Ontology) -> None:
    for node, (google_id, path) in GOOGLE.items():
        assert (ontology.google_id(node), ontology.categories[node].breadcrumb) == (google_id, path)
    assert ontology.google_id("x-personal-care") == GOOGLE_PERSONAL_CARE


def test_a_real_category_lies_below_the_one_that_its_id_names(ontology: Ontology) -> None:
    for node in ontology.categories.values():
        if node.id.startswith("aa-"):
            assert node.path[-2] == node.id.rpartition("-")[0]


def test_a_leaf_is_a_node_without_children(ontology: Ontology) -> None:
    assert ontology.is_leaf("x-flip-flop")
    assert not ontology.is_leaf("aa-8-6")


def test_every_shade_lies_below_a_family(ontology: Ontology) -> None:
    color = ontology.attribute("color")

    assert all(shade.family in color.labels for shade in color.shades.values())
    assert color.family_of("x-shade-maroon") == color.family_of("13") == "13"


def test_unknown_words_are_key_errors(ontology: Ontology) -> None:
    with pytest.raises(KeyError):
        ontology.attribute("sparkle")
    with pytest.raises(KeyError):
        ontology.attribute("color").family_of("x-shade-octarine")


def test_a_version_that_is_not_shipped_is_refused() -> None:
    with pytest.raises(IncompatibleModels, match="v999"):
        Ontology.load("v999")


def test_loading_takes_less_than_a_tenth_of_a_second() -> None:
    started = time.perf_counter()

    Ontology.load("v1")

    assert time.perf_counter() - started < 0.1


def test_no_two_colours_share_a_label(crosswalks: Mapping[str, Any]) -> None:
    colours = crosswalks["fpi"]["baseColour"]

    assert len(set(colours.values())) == len(colours) == 46


def test_the_55_types_of_anchor_a_have_55_nodes_none_above_another(
    ontology: Ontology, crosswalks: Mapping[str, Any]
) -> None:
    nodes = {name: crosswalks["fpi"]["articleType"][name] for name in crosswalks["space_a"]["article"]}

    assert len(nodes) == len(set(nodes.values())) == 55
    assert not any(set(ontology.path(node)[:-1]) & set(nodes.values()) for node in nodes.values())
    assert len(set(crosswalks["space_a"]["colour"].values())) == 15


@pytest.mark.data
def test_the_crosswalk_knows_every_value_of_the_data(crosswalks: Mapping[str, Any], data_folder: Path) -> None:
    rows, crosswalk = styles(data_folder), crosswalks["fpi"]

    for column in ("articleType", "gender", "baseColour"):
        known = {*crosswalk[column], *crosswalk["unmapped"].get(column, ()), ""}
        assert {row[column] for row in rows} <= known


@pytest.mark.data
def test_common_article_types_each_have_a_node_of_their_own(
    ontology: Ontology, crosswalks: Mapping[str, Any], data_folder: Path
) -> None:
    counts = Counter(row["articleType"] for row in styles(data_folder))
    nodes = {name: crosswalks["fpi"]["articleType"][name] for name, count in counts.items() if count >= COMMON}

    assert len(set(nodes.values())) == len(nodes) > 40
    assert not any(set(ontology.path(node)[:-1]) & set(nodes.values()) for node in nodes.values())
