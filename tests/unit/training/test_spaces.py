# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from consumer.enrichment.ontology import Ontology
from consumer.errors import OptionInvalid
from triton_models.training.corpus import hash_photos
from triton_models.training.datasets import CLOTHING_DATASET, FASHION_PRODUCT_IMAGES, LabelledProduct, read_folder
from triton_models.training.labels import load_crosswalk
from triton_models.training.spaces import load_space
from triton_models.training.split import Split, split_products

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from triton_models.training.spaces import Question

ONTOLOGY = Ontology.load("v1")
GENDER, AGE = ("18", "19", "20"), ("2403", "1515")
SLEEVES = ("17094", "169", "174")


def question(space: str, task: str, dataset: str = FASHION_PRODUCT_IMAGES) -> Question:
    return next(found for found in load_space(space, dataset, ONTOLOGY).questions if found.task == task)


def answer(one: Question, heads: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """By value with any mass, what the heads' answers come to."""
    labels = {handle: tuple(answers) for handle, answers in heads.items()}
    probabilities = {handle: np.array([list(answers.values())], dtype=np.float32) for handle, answers in heads.items()}
    masses = one.answer(labels, probabilities)[0]
    assert masses.sum() == pytest.approx(1)
    return {value: round(float(mass), 4) for value, mass in zip(one.values, masses, strict=True) if mass > 0}


def product(labels: Mapping[str, str]) -> LabelledProduct:
    return LabelledProduct(FASHION_PRODUCT_IMAGES, "1", "", "", labels, ())


def test_gender_is_target_gender_times_age() -> None:
    heads = {"target-gender": {"18": 0.5, "19": 0.3, "20": 0.2}, "age-group": {"2403": 0.9, "1515": 0.1}}

    assert answer(question("B", "gender"), heads) == {
        "Women": 0.45,
        "Girls": 0.05,
        "Men": 0.27,
        "Boys": 0.03,
        "Unisex": 0.2,
    }


def test_answers_outside_the_space_are_left_out() -> None:
    heads = {"category": {"aa-1-13-8": 0.2, "aa-1-13-7": 0.1, "x-skin-care": 0.7}}

    assert answer(question("A", "article"), heads) == {"Tshirts": 0.6667, "Shirts": 0.3333}


def test_a_model_that_says_nothing_in_the_space_is_unsure_of_everything() -> None:
    one = question("B", "article")
    masses = one.answer({"category": ("x-skin-care",)}, {"category": np.ones((1, 1), np.float32)})

    np.testing.assert_allclose(masses, 1 / len(one.values))


def test_shades_count_for_the_family_of_the_space_they_are_asked_in() -> None:
    heads = {"color": {"8": 0.4, "x-shade-charcoal": 0.3, "x-shade-maroon": 0.2, "x-shade-burgundy": 0.1}}

    assert answer(question("A", "colour"), heads) == {"Grey": 0.4, "Black": 0.3, "Red": 0.3}
    assert answer(question("B", "colour"), heads) == {"Grey": 0.7, "Maroon": 0.2, "Red": 0.1}


def test_branches_sum_the_mass_of_their_leaves() -> None:
    heads = {"category": {"aa-1-13-8": 0.3, "aa-1-13-7": 0.3, "aa-1-12-4": 0.1, "aa-6-11": 0.2, "x-skin-care": 0.1}}

    assert answer(question("ours", "master"), heads) == {"Apparel": 0.7, "Accessories": 0.2, "Personal Care": 0.1}
    assert answer(question("A", "sub"), heads) == {"Topwear": 0.6, "Bottomwear": 0.1, "Watches": 0.2, "Other": 0.1}


def test_a_t_shirt_and_a_longsleeve_differ_in_the_sleeve() -> None:
    one = question("ours", "article", CLOTHING_DATASET)
    category = {"aa-1-13-8": 0.6, "aa-1-13-12": 0.2, "aa-1-13-7": 0.2}
    long, short = {"17094": 1.0, "169": 0.0, "174": 0.0}, {"17094": 0.0, "169": 1.0, "174": 0.0}

    assert one.handles == ("category", "sleeve-length-type")
    assert answer(one, {"category": category, "sleeve-length-type": long}) == {"Longsleeve": 0.8, "Shirt": 0.2}
    assert answer(one, {"category": category, "sleeve-length-type": short}) == {"T-Shirt": 0.75, "Shirt": 0.25}


def test_both_ways_to_be_a_child_count_once() -> None:
    heads = {"age-group": {"2403": 0.6, "1515": 0.4}}

    assert answer(question("ours", "age"), heads) == {"yes": 0.4, "no": 0.6}
    assert answer(question("ours", "age", CLOTHING_DATASET), heads) == {"yes": 0.4, "no": 0.6}


def test_truth_is_merged_and_unknown_outside_the_space() -> None:
    assert question("A", "colour").truth(product({"baseColour": "Maroon"})) == "Red"
    assert question("B", "colour").truth(product({"baseColour": "Maroon"})) == "Maroon"
    assert question("B", "colour").truth(product({"baseColour": "Rust"})) is None
    assert question("A", "usage").truth(product({})) is None


def test_space_b_takes_only_rows_with_every_label() -> None:
    labels = {"gender": "Men", "articleType": "Jeans", "baseColour": "Blue", "season": "Fall"}
    space = load_space("B", FASHION_PRODUCT_IMAGES, ONTOLOGY)

    assert space.qualifies(product(labels))
    assert not space.qualifies(product(labels | {"baseColour": "Teal"}))
    assert load_space("A", FASHION_PRODUCT_IMAGES, ONTOLOGY).qualifies(product({}))


def test_a_space_that_a_data_set_lacks_is_refused() -> None:
    with pytest.raises(OptionInvalid, match="clothing-dataset has no label space A"):
        load_space("A", CLOTHING_DATASET, ONTOLOGY)


@pytest.mark.data
def test_our_space_names_what_a_hundred_training_rows_say(data_folder: Path) -> None:
    products = read_folder(data_folder / "fashion-product-images").products
    training = [products[row] for row in split_products(products, hash_photos(products))[Split.TRAIN]]

    for task in ("master", "sub", "article", "colour", "usage"):
        one = question("ours", task)
        counts = Counter(raw for row in training if (raw := row.labels.get(one.column)))
        assert set(one.values) == {raw for raw, count in counts.items() if count >= 100}, task


@pytest.mark.data
def test_the_category_fixes_master_and_sub_category_of_nearly_all_products(data_folder: Path) -> None:
    crosswalk = load_crosswalk(FASHION_PRODUCT_IMAGES)
    products = read_folder(data_folder / "fashion-product-images").products
    for task, least in (("master", 0.999), ("sub", 0.995)):
        one = question("ours", task)
        branch_of = {cell.words["category"]: cell.value for cell in one.cells}
        known = [row for row in products if one.truth(row) and "category" in crosswalk.words(row)]

        agreeing = sum(branch_of.get(crosswalk.words(row)["category"]) == one.truth(row) for row in known)
        print(f"{task}: {agreeing} of {len(known)}")
        assert agreeing / len(known) >= least
