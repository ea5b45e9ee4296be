# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from consumer.enrichment.ontology import Ontology
from triton_models.training.corpus import words_by_handle
from triton_models.training.datasets import CLOTHING_DATASET, FASHION_PRODUCT_IMAGES, LabelledProduct
from triton_models.training.labels import FLOORS, LabelSpace, label_spaces, load_crosswalk

ROWS = (
    [{"articleType": "Tshirts", "gender": "Men", "baseColour": "Red", "season": "Summer", "usage": "Casual"}] * 120
    + [{"articleType": "Shirts", "gender": "Boys", "baseColour": "Blue", "season": "Fall", "usage": "Formal"}] * 110
    + [{"articleType": "Sweaters", "gender": "Girls", "baseColour": "Maroon"}] * 105
    + [{"articleType": "Tunics", "gender": "Unisex", "baseColour": "Burgundy", "usage": "Party"}] * 5
)
HOME_ROWS = (
    [{"label": "T-Shirt", "kids": "False"}] * 20
    + [{"label": "Longsleeve", "kids": "True"}] * 150
    + [{"label": "Not sure", "kids": "False"}] * 10
)


def product(row: int, labels: dict[str, str], dataset: str = FASHION_PRODUCT_IMAGES) -> LabelledProduct:
    return LabelledProduct(dataset, str(row), "", "", labels, ())


@pytest.fixture(scope="module")
def spaces() -> dict[str, LabelSpace]:
    products = [product(row, labels) for row, labels in enumerate(ROWS)]
    products += [product(row, labels, CLOTHING_DATASET) for row, labels in enumerate(HOME_ROWS)]
    found = label_spaces(Ontology.load("v1"), words_by_handle(products, tuple(FLOORS)))
    return {space.handle: space for space in found}


def right(space: LabelSpace, word: str | None) -> set[str]:
    return {space.labels[column] for column in np.flatnonzero(space.targets([word])[0])}


def test_a_category_with_enough_rows_is_an_answer_of_its_own(spaces: dict[str, LabelSpace]) -> None:
    assert set(spaces["category"].labels) == {"aa-1-13-8", "aa-1-13-7", "aa-1-13-12"}
    assert right(spaces["category"], "aa-1-13-8") == {"aa-1-13-8"}


def test_a_frequent_word_above_answers_admits_those_below_it_and_is_none_itself(
    spaces: dict[str, LabelSpace],
) -> None:
    long_sleeved = load_crosswalk(CLOTHING_DATASET).columns["label"]["Longsleeve"]

    assert long_sleeved["category"] not in spaces["category"].labels
    assert set(spaces["sleeve-length-type"].labels) == {"17094", "169"}
    assert right(spaces["sleeve-length-type"], long_sleeved["sleeve-length-type"]) == {"17094"}


def test_a_word_above_all_answers_is_no_label(spaces: dict[str, LabelSpace]) -> None:
    assert right(spaces["category"], "aa-1-13-11") == set()
    assert right(spaces["category"], "aa") == set()


def test_a_missing_or_unknown_word_is_masked(spaces: dict[str, LabelSpace]) -> None:
    assert right(spaces["category"], None) == right(spaces["category"], "no-such-node") == set()


def test_boys_are_male_kids_and_unisex_has_no_age() -> None:
    genders = load_crosswalk(FASHION_PRODUCT_IMAGES).columns["gender"]

    assert genders["Boys"] == {"target-gender": "19", "age-group": "1515"}
    assert genders["Women"] == {"target-gender": "18", "age-group": "2403"}
    assert genders["Unisex"] == {"target-gender": "20"}


def test_every_handle_with_two_answers_has_a_space(spaces: dict[str, LabelSpace]) -> None:
    assert set(spaces["target-gender"].labels) == {"18", "19", "20"}
    assert set(spaces["age-group"].labels) == {"2403", "1515"}
    assert set(spaces["x-season"].labels) == {"x-season-summer", "x-season-fall"}
    assert len(spaces["x-usage"].labels) == 2


def test_a_handle_with_one_answer_has_nothing_to_learn() -> None:
    products = [product(row, {"articleType": "Tshirts", "gender": "Men"}) for row in range(200)]

    assert label_spaces(Ontology.load("v1"), words_by_handle(products, ("category", "target-gender"))) == ()


def test_a_rare_shade_counts_for_its_family(spaces: dict[str, LabelSpace]) -> None:
    colour = spaces["color"]

    assert set(colour.labels) == {"13", "2", "x-shade-maroon"}
    assert right(colour, "13") == {"13"}
    assert right(colour, "x-shade-maroon") == {"x-shade-maroon"}
    assert right(colour, "x-shade-burgundy") == {"13", "x-shade-maroon"}


def test_a_label_that_means_nothing_is_known_and_another_is_not() -> None:
    crosswalk = load_crosswalk(CLOTHING_DATASET)

    assert crosswalk.words(product(1, {"label": "Not sure"}, CLOTHING_DATASET)) == {}
    assert list(crosswalk.unknown(product(1, {"label": "Not sure"}, CLOTHING_DATASET))) == []
    assert list(crosswalk.unknown(product(1, {"label": "Spacesuit"}, CLOTHING_DATASET))) == [("label", "Spacesuit")]
