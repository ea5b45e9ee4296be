# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from consumer.enrichment.ontology import Ontology
from triton_models.training.corpus import words_by_handle
from triton_models.training.datasets import FASHION_PRODUCT_IMAGES, LabelledProduct
from triton_models.training.labels import LabelSpace, label_spaces

ROWS = (
    [{"articleType": "Tshirts", "gender": "Men", "baseColour": "Red", "season": "Summer", "usage": "Casual"}] * 120
    + [{"articleType": "Shirts", "gender": "Boys", "baseColour": "Blue", "season": "Fall", "usage": "Formal"}] * 110
    + [{"articleType": "Sweaters", "gender": "Girls", "baseColour": "Maroon"}] * 105
    + [{"articleType": "Tunics", "gender": "Unisex", "baseColour": "Burgundy", "usage": "Party"}] * 5
)


def product(row: int, labels: dict[str, str], dataset: str = FASHION_PRODUCT_IMAGES) -> LabelledProduct:
    return LabelledProduct(dataset, str(row), "", "", labels, ())


@pytest.fixture(scope="module")
def spaces() -> dict[str, LabelSpace]:
    products = [product(row, labels) for row, labels in enumerate(ROWS)]
    found = label_spaces(Ontology.load("v1"), words_by_handle(products, ("category", "target-gender", "color")))
    return {space.handle: space for space in found}


def right(space: LabelSpace, word: str | None) -> set[str]:
    return {space.labels[column] for column in np.flatnonzero(space.targets([word])[0])}


def test_a_category_with_enough_rows_is_an_answer_of_its_own(spaces: dict[str, LabelSpace]) -> None:
    assert set(spaces["category"].labels) == {"aa-1-13-8", "aa-1-13-7", "aa-1-13-12"}
    assert right(spaces["category"], "aa-1-13-8") == {"aa-1-13-8"}


def test_a_word_above_all_answers_is_no_label(spaces: dict[str, LabelSpace]) -> None:
    assert right(spaces["category"], "aa-1-13-11") == set()
    assert right(spaces["category"], "aa") == set()


def test_a_missing_or_unknown_word_is_masked(spaces: dict[str, LabelSpace]) -> None:
    assert right(spaces["category"], None) == right(spaces["category"], "no-such-node") == set()


def test_a_handle_with_one_answer_has_nothing_to_learn() -> None:
    products = [product(row, {"articleType": "Tshirts", "gender": "Men"}) for row in range(200)]

    assert label_spaces(Ontology.load("v1"), words_by_handle(products, ("category", "target-gender"))) == ()


def test_a_rare_shade_counts_for_its_family(spaces: dict[str, LabelSpace]) -> None:
    colour = spaces["color"]

    assert set(colour.labels) == {"13", "2", "x-shade-maroon"}
    assert right(colour, "13") == {"13"}
    assert right(colour, "x-shade-maroon") == {"x-shade-maroon"}
    assert right(colour, "x-shade-burgundy") == {"13", "x-shade-maroon"}
