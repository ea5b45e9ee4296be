# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from triton_models.ontology.build import HERE, Taxonomy, build, decisions, read_taxonomy, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from consumer.enrichment.ontology import Ontology

COMMITTED = (HERE / "v1.json").read_text(encoding="utf-8")

#: A shop with two shelves.
SMALL = Taxonomy(
    categories={
        "aa": {"id": "aa", "name": "All", "children": ["aa-1", "aa-2"], "attributes": []},
        "aa-1": {"id": "aa-1", "name": "Tops", "children": ["aa-1-1"], "attributes": ["sleeve"]},
        "aa-1-1": {"id": "aa-1-1", "name": "Vests", "children": [], "attributes": []},
        "aa-2": {"id": "aa-2", "name": "Hats", "children": [], "attributes": []},
    },
    attributes={"sleeve": {"id": 15, "friendly_id": "sleeve", "values": ["sleeve__long", "sleeve__short"]}},
    values={"sleeve__long": {"id": 17094, "name": "Long"}, "sleeve__short": {"id": 169, "name": "Short"}},
)


def small(attribute: Mapping[str, Any], *overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The one attribute of an ontology of the small taxonomy and a kurta."""
    tree = build(
        SMALL,
        {
            "version": "v0",
            "source": "made up",
            "google_ids": {"aa": "166"},
            "categories": {"x-kurta": {"label": "Kurtas", "parent": "aa-1"}, "x-care": {"label": "Care", "parent": ""}},
            "attributes": [{"max_values": 1, "policy": "auto", **attribute}],
            "overrides": list(overrides),
        },
    )
    assert [node["id"] for node in tree["categories"]] == ["aa", "aa-1", "aa-1-1", "x-kurta", "aa-2", "x-care"]
    return dict(tree["attributes"][0])


def test_a_node_of_ours_takes_the_attributes_of_the_one_above() -> None:
    sleeve = small({"handle": "sleeve"})

    assert (sleeve["applies_to"], sleeve["not_below"]) == (["aa-1"], ["aa-1-1"])


def test_an_override_adds_and_takes_away() -> None:
    more = small({"handle": "sleeve"}, {"handle": "sleeve", "applies_to": ["aa-1"]})
    less = small({"handle": "sleeve"}, {"handle": "sleeve", "applies_to": ["aa-2"], "not_below": ["x-kurta"]})

    assert (more["applies_to"], "not_below" in more) == (["aa-1"], False)
    assert (less["applies_to"], less["not_below"]) == (["aa-1", "aa-2"], ["aa-1-1", "x-kurta"])


def test_an_attribute_of_ours_makes_its_ids_and_one_of_theirs_may_leave_values_out() -> None:
    ours = small({"handle": "x-mood", "values": ["Very Glad"], "applies_to": "all"})
    theirs = small({"handle": "sleeve", "values": ["Short"]})

    assert (ours["id"], ours["values"]) == ("x-mood", [{"id": "x-mood-very-glad", "label": "Very Glad"}])
    assert ours["applies_to"] == "all"
    assert (theirs["id"], theirs["values"]) == ("15", [{"id": "169", "label": "Short"}])


def test_a_decision_on_a_word_that_the_taxonomy_lacks_is_an_error() -> None:
    with pytest.raises(KeyError, match="Sleeveless"):
        small({"handle": "sleeve", "values": ["Sleeveless"]})


def test_the_committed_file_is_written_as_the_build_writes() -> None:
    assert write(json.loads(COMMITTED)) + "\n" == COMMITTED


@pytest.fixture(scope="module")
def taxonomy(data_folder: Path) -> Taxonomy:
    return read_taxonomy(data_folder / "shopify-taxonomy")


@pytest.mark.data
def test_the_committed_file_is_what_the_taxonomy_and_the_decisions_make(taxonomy: Taxonomy) -> None:
    assert write(build(taxonomy, decisions())) + "\n" == COMMITTED, (
        "stale: run `python -m triton_models.ontology.build`"
    )


@pytest.mark.data
def test_every_id_is_one_of_the_taxonomy_under_the_same_name(taxonomy: Taxonomy, ontology: Ontology) -> None:
    names = {str(value["id"]): value["name"] for value in taxonomy.values.values()}

    theirs = {node.id: node.label for node in ontology.categories.values() if not node.id.startswith("x-")}
    assert theirs == {entry["id"]: entry["name"] for entry in taxonomy.categories.values()}
    for kind in ontology.attributes:
        if not kind.handle.startswith("x-"):
            assert kind.id == str(taxonomy.attributes[kind.handle]["id"])
            assert all(names[value] == label for value, label in kind.labels.items())


@pytest.mark.data
def test_an_attribute_applies_where_the_taxonomy_lists_it_but_for_the_overrides(
    taxonomy: Taxonomy, ontology: Ontology
) -> None:
    overridden = {entry["handle"] for entry in decisions()["overrides"]}

    for kind in ontology.attributes:
        if kind.handle.startswith("x-") or kind.handle in overridden:
            continue
        name = taxonomy.attributes[kind.handle]["friendly_id"]
        listed = {node for node, entry in taxonomy.categories.items() if name in entry["attributes"]}
        assert {node for node in kind.applies_to if not node.startswith("x-")} == listed
