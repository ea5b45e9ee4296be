# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from consumer.enrichment.ontology import Ontology

COMMON = 100

#: What bare words of `fpi.json` name.
HANDLES = {"articleType": "category", "baseColour": "color", "season": "x-season", "usage": "x-usage"}
FPI_COLUMNS = (*HANDLES, "gender")
FILES = {"fpi": "fashion-product-images/styles.csv", "clothing": "clothing-dataset/images.csv"}


def words(crosswalk: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    """By handle, what each raw value of a crosswalk says."""
    for column, values in crosswalk.items():
        if isinstance(values, dict) and column != "unmapped":
            for word in values.values():
                yield {HANDLES[column]: word} if isinstance(word, str) else word


@cache
def rows(data_folder: Path, name: str) -> list[dict[str, str]]:
    with (data_folder / FILES[name]).open(newline="") as file:
        return list(csv.DictReader(file))


def rows_in_space(data_folder: Path, space: Mapping[str, Any], *tasks: str) -> list[dict[str, str]]:
    """Rows with a small photo whose values the space has, in the columns of all of these tasks."""
    return [
        row
        for row in rows(data_folder, "fpi")
        if row["image_60x80"] == "1" and all(row[space["columns"][task]] in space[task] for task in tasks)
    ]


@pytest.mark.parametrize("name", ["fpi", "clothing"])
def test_every_word_of_a_crosswalk_is_in_the_ontology_and_applies(
    ontology: Ontology, crosswalks: Mapping[str, Any], name: str
) -> None:
    for entry in words(crosswalks[name]):
        category = entry.get("category", "aa")
        assert category in ontology.categories
        for handle in entry.keys() - {"category"}:
            kind = ontology.attribute(handle)
            assert entry[handle] in {*kind.labels, *kind.shades}
            assert ontology.applies(handle, category)


def test_a_unisex_product_says_nothing_of_age(crosswalks: Mapping[str, Any]) -> None:
    gender = crosswalks["fpi"]["gender"]

    assert gender["Unisex"] == {"target-gender": "20"}
    assert gender["Girls"] == {"target-gender": "18", "age-group": "1515"}
    assert all(word.keys() == {"target-gender", "age-group"} for raw, word in gender.items() if raw != "Unisex")


def test_only_labels_that_tell_a_sleeve_have_one(crosswalks: Mapping[str, Any]) -> None:
    sleeves = {
        label: word["sleeve-length-type"]
        for label, word in crosswalks["clothing"]["label"].items()
        if "sleeve-length-type" in word
    }

    assert sleeves == {"T-Shirt": "169", "Polo": "169", "Longsleeve": "17094", "Undershirt": "174"}


def test_no_two_colours_share_a_label(crosswalks: Mapping[str, Any]) -> None:
    colours = crosswalks["fpi"]["baseColour"]

    assert len(set(colours.values())) == len(colours) == 46


def test_the_55_types_of_anchor_a_have_55_nodes_none_above_another(
    ontology: Ontology, crosswalks: Mapping[str, Any]
) -> None:
    nodes = {name: crosswalks["fpi"]["articleType"][name] for name in crosswalks["space_a"]["article"]}

    assert len(nodes) == len(set(nodes.values())) == 55
    assert not any(set(ontology.path(node)[:-1]) & set(nodes.values()) for node in nodes.values())


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        (
            "space_a",
            {"gender": 5, "master": 4, "sub": 25, "article": 55, "colour": 15, "season": 4, "usage": 5},
        ),
        ("space_b", {"gender": 5, "article": 20, "colour": 15, "season": 4}),
    ],
)
def test_a_space_has_the_answers_of_its_anchor(
    crosswalks: Mapping[str, Any], name: str, sizes: Mapping[str, int]
) -> None:
    space = crosswalks[name]

    assert space["columns"].keys() == sizes.keys()
    assert {task: len(set(space[task].values())) for task in sizes} == sizes


def test_the_words_of_a_space_are_words_of_the_data_set(crosswalks: Mapping[str, Any]) -> None:
    for name in ("space_a", "space_b"):
        for task, column in crosswalks[name]["columns"].items():
            if column in FPI_COLUMNS:
                assert set(crosswalks[name][task]) <= set(crosswalks["fpi"][column])


@pytest.mark.data
@pytest.mark.parametrize(("name", "columns"), [("fpi", FPI_COLUMNS), ("clothing", ("label", "kids"))])
def test_a_crosswalk_knows_every_value_of_its_data(
    crosswalks: Mapping[str, Any], data_folder: Path, name: str, columns: tuple[str, ...]
) -> None:
    crosswalk, found = crosswalks[name], rows(data_folder, name)

    for column in columns:
        unmapped = set(crosswalk["unmapped"].get(column, ()))
        assert not unmapped & set(crosswalk[column])
        assert {row[column] for row in found} <= {*crosswalk[column], *unmapped, ""}


@pytest.mark.data
def test_common_article_types_each_have_a_node_of_their_own(
    ontology: Ontology, crosswalks: Mapping[str, Any], data_folder: Path
) -> None:
    counts = Counter(row["articleType"] for row in rows(data_folder, "fpi"))
    nodes = {name: crosswalks["fpi"]["articleType"][name] for name, count in counts.items() if count >= COMMON}

    assert len(set(nodes.values())) == len(nodes) > 40
    assert not any(set(ontology.path(node)[:-1]) & set(nodes.values()) for node in nodes.values())


@pytest.mark.data
def test_as_many_rows_have_a_type_of_space_a_as_was_counted(crosswalks: Mapping[str, Any], data_folder: Path) -> None:
    assert len(rows_in_space(data_folder, crosswalks["space_a"], "article")) == 37_836


@pytest.mark.data
def test_space_b_holds_as_many_rows_as_was_counted(crosswalks: Mapping[str, Any], data_folder: Path) -> None:
    space = crosswalks["space_b"]

    assert len(rows_in_space(data_folder, space, *space["required"])) == 25_667


@pytest.mark.data
@pytest.mark.parametrize("task", ["gender", "sub", "colour", "season", "usage"])
def test_space_a_leaves_no_label_of_its_rows_out(crosswalks: Mapping[str, Any], data_folder: Path, task: str) -> None:
    space = crosswalks["space_a"]
    column = space["columns"][task]

    assert {row[column] for row in rows_in_space(data_folder, space, "article")} <= {*space[task], ""}


@pytest.mark.data
def test_the_named_sub_categories_of_space_a_are_the_24_commonest(
    crosswalks: Mapping[str, Any], data_folder: Path
) -> None:
    space = crosswalks["space_a"]
    counts = Counter(row["subCategory"] for row in rows_in_space(data_folder, space, "article"))

    assert {raw for raw, value in space["sub"].items() if value == raw} == {raw for raw, _ in counts.most_common(24)}
