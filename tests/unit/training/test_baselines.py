# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from consumer.enrichment.ontology import Ontology
from triton_models.training.baselines import lexical, linear_probe, majority, nearest_centroid, share_right
from triton_models.training.datasets import CLOTHING_DATASET, FASHION_PRODUCT_IMAGES, LabelledProduct, read_folder
from triton_models.training.labels import load_crosswalk
from triton_models.training.spaces import load_space
from triton_models.training.split import cleaned_title
from triton_models.training.titles import named

if TYPE_CHECKING:
    from pathlib import Path

    from triton_models.training.spaces import Question, Space

ONTOLOGY = Ontology.load("v1")
A, B = (load_space(name, FASHION_PRODUCT_IMAGES, ONTOLOGY) for name in ("A", "B"))


def question(space: Space, task: str) -> Question:
    return next(found for found in space.questions if found.task == task)


def product(title: str, **labels: str) -> LabelledProduct:
    return LabelledProduct(FASHION_PRODUCT_IMAGES, title, "", title, labels, ())


def say(space: Space, task: str, title: str) -> str | None:
    rule = lexical(question(space, task))
    assert rule
    return rule(product(title))


def test_the_title_is_taken_by_its_word() -> None:
    assert say(A, "colour", "White and Red Shirt for Women") == "White"
    assert say(A, "gender", "Shirt for Women") == "Women"
    assert say(A, "article", "Shirts and one T-Shirt with Trunks") == "Trunk"


def test_a_silent_title_gets_the_commonest_answers() -> None:
    assert [say(B, task, "Acme 501") for task in ("colour", "gender", "article")] == ["Black", "Men", "Tshirts"]


def test_an_answer_is_one_of_the_space() -> None:
    assert say(A, "colour", "Maroon Tee") == "Red"
    assert say(B, "colour", "Maroon Tee") == "Maroon"
    assert say(B, "colour", "Teal Tee") is None


def test_tasks_without_words_have_no_lexical_rule() -> None:
    assert lexical(question(A, "season")) is None
    home = load_space("ours", CLOTHING_DATASET, ONTOLOGY)
    assert lexical(question(home, "article")) is None


def test_the_majority_ignores_missing_labels_and_needs_one() -> None:
    rows = [product("a"), product("b"), product("c", season="Fall"), product("d", season="Fall")]
    rule = majority(question(A, "season"), [*rows, product("e", season="Spring")])

    assert rule
    assert rule(rows[0]) == "Fall"
    assert majority(question(A, "season"), rows[:2]) is None


def test_plain_classifiers_tell_two_clouds_apart() -> None:
    random = np.random.default_rng(2)
    clouds = {name: random.normal(size=(200, 8)).astype(np.float32) + centre for name, centre in (("x", 2), ("y", -2))}
    training, values = np.vstack([cloud[:150] for cloud in clouds.values()]), ["x"] * 150 + ["y"] * 150
    asked = np.vstack([cloud[150:] for cloud in clouds.values()])

    for classify in (nearest_centroid, linear_probe):
        assert classify(training, values, asked) == ["x"] * 50 + ["y"] * 50


@pytest.mark.data
def test_the_lexical_figures_are_those_that_were_published(data_folder: Path) -> None:
    products = read_folder(data_folder / "fashion-product-images").products
    with_photo = [one for one in products if one.photo and one.photo.archive.name == "images_60x80.zip"]
    typed = [one for one in with_photo if question(A, "article").truth(one)]
    rows = {"A": typed, "B": [one for one in with_photo if B.qualifies(one)]}
    expected = {
        ("A", "colour"): 0.889,
        ("B", "colour"): 0.900,
        ("A", "gender"): 0.932,
        ("B", "gender"): 0.978,
        ("A", "article"): 0.762,
        ("B", "article"): 0.798,
    }

    for (name, task), published in expected.items():
        asked = question({"A": A, "B": B}[name], task)
        rule = lexical(asked)
        assert rule
        found = share_right(asked, rule, [one for one in rows[name] if asked.truth(one)])
        print(f"space {name}, {task}: {found.accuracy:.4f} of {found.n}, published {published}")
        assert found.accuracy == pytest.approx(published, abs=0.0011)
    assert (len(rows["A"]), len(rows["B"])) == (37_836, 25_667)


@pytest.mark.data
def test_the_first_colour_named_is_the_label_as_often_as_published(data_folder: Path) -> None:
    products = read_folder(data_folder / "fashion-product-images").products
    colours = {cleaned_title(name): name for name in load_crosswalk(FASHION_PRODUCT_IMAGES).columns["baseColour"]}

    right = sum((*named(one.title, colours), "")[0] == one.labels.get("baseColour") for one in products)

    print(f"46 colours, no fallback: {right / len(products):.4f} of {len(products)}, published 0.856")
    assert right / len(products) == pytest.approx(0.856, abs=0.0011)
