# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import time
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from consumer.enrichment.ontology import Ontology, Policy
from consumer.errors import IncompatibleModels

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Handle: id, number of values, values a product may have, policy.
ATTRIBUTES = {
    "color": ("1", 19, 3, Policy.AGREE),
    "target-gender": ("837", 4, 1, Policy.AUTO),
    "age-group": ("30", 12, 1, Policy.AUTO),
    "pattern": ("3", 23, 2, Policy.AUTO),
    "fabric": ("2777", 48, 3, Policy.TEXT),
    "footwear-material": ("2783", 22, 3, Policy.TEXT),
    "sleeve-length-type": ("15", 8, 1, Policy.AUTO),
    "neckline": ("32", 18, 1, Policy.AUTO),
    "fit": ("35", 8, 1, Policy.TEXT),
    "waist-rise": ("37", 4, 1, Policy.TEXT),
    "pants-length-type": ("1178", 7, 1, Policy.TEXT),
    "top-length-type": ("1193", 5, 1, Policy.TEXT),
    "skirt-dress-length-type": ("1190", 6, 1, Policy.TEXT),
    "dress-style": ("3245", 22, 1, Policy.SUGGEST),
    "dress-occasion": ("3244", 13, 3, Policy.SUGGEST),
    "x-season": ("x-season", 4, 1, Policy.SUGGEST),
    "x-usage": ("x-usage", 8, 1, Policy.SUGGEST),
    "x-collar": ("x-collar", 8, 1, Policy.SUGGEST),
    "x-fit-top": ("x-fit-top", 6, 1, Policy.SUGGEST),
}

#: What `ontology/v1.json` takes from Google's product taxonomy (version 2021-09-21).
GOOGLE = {
    "aa": "166",  # Apparel & Accessories
    "aa-1": "1604",  # Clothing
    "aa-1-4": "2271",  # Dresses
    "aa-1-10-2": "5598",  # Coats & Jackets
    "aa-1-12": "204",  # Pants
    "aa-1-13": "212",  # Shirts & Tops
    "aa-1-14": "207",  # Shorts
    "aa-1-15": "1581",  # Skirts
    "aa-1-18": "209",  # Socks
    "aa-2": "167",  # Clothing Accessories
    "aa-2-6": "169",  # Belts
    "aa-2-17": "173",  # Hats
    "aa-2-27": "178",  # Sunglasses
    "aa-5": "6551",  # Handbags, Wallets & Cases
    "aa-5-4": "3032",  # Handbags
    "aa-6": "188",  # Jewelry
    "aa-6-11": "201",  # Watches
    "aa-7": "1933",  # Shoe Accessories
    "aa-8": "187",  # Shoes
    "x-personal-care": "2915",  # Health & Beauty > Personal Care
}

SHIRTS, SWEATERS, HOODIES, DRESSES, ONE_PIECES = "aa-1-13-7", "aa-1-13-12", "aa-1-13-13", "aa-1-4", "aa-1-9"
PARKAS, RAIN_PANTS, JEANS, SHORTS, SKIRTS = "aa-1-10-2-6", "aa-1-10-3", "aa-1-12-4", "aa-1-14", "aa-1-15"
BOOTS, WATCHES, LIPSTICKS = "aa-8-3", "aa-6-11", "x-lipstick"

APPLIES = [
    ("neckline", [SHIRTS, SWEATERS, HOODIES, DRESSES, ONE_PIECES, PARKAS, "x-kurta", "x-undershirt"]),
    ("sleeve-length-type", [SHIRTS, SWEATERS, HOODIES, DRESSES, ONE_PIECES, PARKAS, "x-kurta", "x-undershirt"]),
    ("color", [WATCHES, LIPSTICKS, SHIRTS, BOOTS, "aa"]),
    ("age-group", [SKIRTS, WATCHES, LIPSTICKS, BOOTS]),
    ("fabric", [SHIRTS, SKIRTS, "x-salwar", "aa-2-26"]),
    ("footwear-material", [BOOTS, "x-flip-flop", "x-sports-shoe"]),
    ("fit", [JEANS, SHORTS, "x-capri"]),
    ("skirt-dress-length-type", [SKIRTS, DRESSES]),
    ("x-collar", [SHIRTS, PARKAS]),
    ("x-season", [LIPSTICKS, BOOTS]),
]
DOES_NOT_APPLY = [
    ("neckline", [BOOTS, JEANS, SHORTS, SKIRTS, RAIN_PANTS, WATCHES, "x-salwar"]),
    ("sleeve-length-type", [BOOTS, JEANS, SHORTS, SKIRTS, RAIN_PANTS, WATCHES, "x-salwar"]),
    ("fabric", [BOOTS, WATCHES, LIPSTICKS]),
    ("footwear-material", [SHIRTS, "aa-5-4"]),
    ("fit", [SHIRTS, DRESSES, SKIRTS]),
    ("waist-rise", [SHIRTS]),
    ("pants-length-type", [SKIRTS, SHIRTS]),
    ("dress-style", [SKIRTS, SHIRTS]),
    ("pattern", [WATCHES, LIPSTICKS]),
    ("x-collar", [JEANS, BOOTS]),
    ("x-fit-top", [JEANS, DRESSES]),
]


@pytest.fixture(scope="module")
def file() -> Mapping[str, Any]:
    return dict(json.loads((resources.files("triton_models") / "ontology" / "v1.json").read_text()))


def test_every_category_has_a_google_id_and_a_path_from_a_root(ontology: Ontology) -> None:
    for node in ontology.categories.values():
        assert node.google_id.isdigit()
        assert node.path[-1] == node.id
        assert node.breadcrumb.count(" > ") == len(node.path) - 1


def test_a_google_id_is_that_of_the_nearest_category_that_google_has_too(ontology: Ontology) -> None:
    for node in ontology.categories.values():
        nearest = next(step for step in reversed(node.path) if step in GOOGLE)
        assert node.google_id == GOOGLE[nearest]
    assert ontology.google_id("x-kurta") == "212"


def test_a_real_category_lies_below_the_one_that_its_id_names(ontology: Ontology) -> None:
    for node in ontology.categories.values():
        if node.id.startswith("aa-"):
            assert node.path[-2] == node.id.rpartition("-")[0]


def test_a_leaf_is_a_node_without_children(ontology: Ontology) -> None:
    assert ontology.is_leaf("x-flip-flop")
    assert not ontology.is_leaf("aa-8-6")


def test_the_leaves_of_a_branch_are_those_below_it_and_a_leaf_has_itself(ontology: Ontology) -> None:
    assert ontology.leaves_below("aa-8-6") == ("x-flip-flop", "x-strap-sandal")
    assert ontology.leaves_below("x-flip-flop") == ("x-flip-flop",)
    everything = [*ontology.leaves_below("aa"), *ontology.leaves_below("x-personal-care")]
    assert everything == [node for node in ontology.categories if ontology.is_leaf(node)]


@pytest.mark.parametrize("handle", ATTRIBUTES)
def test_an_attribute_has_its_id_its_values_and_its_policy(ontology: Ontology, handle: str) -> None:
    kind = ontology.attribute(handle)

    assert (kind.id, len(kind.labels), kind.max_values, kind.policy) == ATTRIBUTES[handle]
    assert len(set(kind.labels.values())) == len(kind.labels)


def test_no_attribute_is_missing_and_none_is_more(ontology: Ontology) -> None:
    assert [kind.handle for kind in ontology.attributes] == list(ATTRIBUTES)


def test_the_kind_says_whether_a_product_may_have_several_values(file: Mapping[str, Any]) -> None:
    for entry in file["attributes"]:
        assert entry["kind"] == ("single" if entry["max_values"] == 1 else "multi")


def test_ids_of_ours_say_so(file: Mapping[str, Any]) -> None:
    for entry in file["attributes"]:
        is_ours = entry["handle"].startswith("x-")
        assert is_ours or entry["id"].isdigit()
        assert all(value["id"].startswith("x-") if is_ours else value["id"].isdigit() for value in entry["values"])
        assert all(shade["id"].startswith("x-shade-") for shade in entry["shades"])


def test_every_shade_lies_below_a_family(ontology: Ontology) -> None:
    color = ontology.attribute("color")

    assert all(shade.family in color.labels for shade in color.shades.values())
    assert color.family_of("x-shade-maroon") == color.family_of("13") == "13"


@pytest.mark.parametrize(("handle", "categories"), APPLIES)
def test_an_attribute_applies_where_products_have_it(ontology: Ontology, handle: str, categories: list[str]) -> None:
    assert all(ontology.applies(handle, category) for category in categories)


@pytest.mark.parametrize(("handle", "categories"), DOES_NOT_APPLY)
def test_an_attribute_does_not_apply_elsewhere(ontology: Ontology, handle: str, categories: list[str]) -> None:
    assert not any(ontology.applies(handle, category) for category in categories)


def test_the_mark_nearest_to_a_category_decides(ontology: Ontology, file: Mapping[str, Any]) -> None:
    pattern = next(entry for entry in file["attributes"] if entry["handle"] == "pattern")

    assert ontology.path("aa-3-3-1") == ("aa", "aa-3", "aa-3-3", "aa-3-3-1")
    assert {"aa", "aa-3-3"} <= set(pattern["applies_to"])
    assert "aa-3" in pattern["not_below"]
    assert [ontology.applies("pattern", node) for node in ("aa", "aa-3", "aa-3-3", "aa-3-3-1")] == [
        True,
        False,
        True,
        True,
    ]


def test_what_the_file_overrides_holds(ontology: Ontology, file: Mapping[str, Any]) -> None:
    for override in file["overrides"]:
        assert override["reason"].endswith(".")
        kind = ontology.attribute(override["handle"])
        for node in ontology.categories.values():
            if set(override.get("not_below", ())) & set(node.path):
                assert node.id not in kind.applies_to
            elif override["applies_to"] == "all" or set(override["applies_to"]) & set(node.path):
                assert node.id in kind.applies_to


def test_unknown_words_are_key_errors(ontology: Ontology) -> None:
    with pytest.raises(KeyError):
        ontology.attribute("sparkle")
    with pytest.raises(KeyError):
        ontology.attribute("color").family_of("x-shade-octarine")
    with pytest.raises(KeyError):
        ontology.applies("color", "aa-99")
    with pytest.raises(KeyError):
        ontology.is_leaf("aa-99")


def test_a_version_that_is_not_shipped_is_refused() -> None:
    with pytest.raises(IncompatibleModels, match="v999"):
        Ontology.load("v999")


def test_loading_takes_less_than_a_tenth_of_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    def seconds() -> float:
        started = time.perf_counter()
        Ontology.load("v1")
        return time.perf_counter() - started

    # The best of some, so that a busy machine does not fail it: the bar is what the work itself takes.
    best = min(seconds() for _ in range(5))

    with capsys.disabled():
        print(f"\nontology v1 loads in {best * 1000:.1f} ms")
    assert best < 0.1
