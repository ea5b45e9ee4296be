# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from consumer.enrichment.ontology import Ontology
from triton_models.training.datasets import LabelledProduct
from triton_models.training.labels import LabelSpace, label_spaces, load_crosswalk

ROWS = (
    [{"articleType": "Tshirts", "gender": "Men", "baseColour": "Red"}] * 120
    + [{"articleType": "Shirts", "gender": "Boys", "baseColour": "Blue"}] * 110
    + [{"articleType": "Sweaters", "gender": "Girls", "baseColour": "Maroon"}] * 105
    + [{"articleType": "Tunics", "gender": "Unisex", "baseColour": "Burgundy"}] * 5
)


@pytest.fixture(scope="module")
def spaces() -> dict[str, LabelSpace]:
    products = [LabelledProduct(str(row), "", "", labels, ()) for row, labels in enumerate(ROWS)]
    found = label_spaces(Ontology.load("v1"), load_crosswalk("fpi"), products)
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


def test_boys_and_men_share_a_target_gender(spaces: dict[str, LabelSpace]) -> None:
    crosswalk = load_crosswalk("fpi")

    assert crosswalk.genders["Boys"] == crosswalk.genders["Men"] == "19"
    assert set(spaces["target-gender"].labels) == {"18", "19", "20"}


def test_a_rare_shade_counts_for_its_family(spaces: dict[str, LabelSpace]) -> None:
    colour = spaces["color"]

    assert set(colour.labels) == {"13", "2", "x-shade-maroon"}
    assert right(colour, "13") == {"13"}
    assert right(colour, "x-shade-maroon") == {"x-shade-maroon"}
    assert right(colour, "x-shade-burgundy") == {"13", "x-shade-maroon"}
