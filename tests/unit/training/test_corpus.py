# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.enrichment.ontology import Ontology
from tests.support.datasets import write_styles
from triton_models.training.corpus import read_corpus

if TYPE_CHECKING:
    from pathlib import Path


def row(number: int, kind: str, colour: str = "Blue") -> tuple[str, ...]:
    return (str(number), "", "Men", kind, colour, "", f"Acme {kind} {number}", "Apparel")


def test_a_class_that_stands_in_one_row_is_noted_and_no_fault(tmp_path: Path) -> None:
    rows = [row(1, "Shirts"), row(2, "Dresses"), row(3, "Shirts", "Red"), row(4, "Shirts", "")]

    corpus = read_corpus([write_styles(tmp_path / "data", rows, {})], Ontology.load("v1"))

    assert [note.partition("styles.csv ")[2] for note in corpus.notes] == [
        "line 3: articleType 'Dresses' stands in this row only",
        "line 4: baseColour 'Red' stands in this row only",
    ]
    assert corpus.faults == ()
    assert len(corpus.products) == 4


def test_faults_of_all_folders_are_those_of_rows_then_of_labels(tmp_path: Path) -> None:
    first = write_styles(tmp_path / "one", [row(1, "Spacesuit"), row(1, "Shirts")], {})
    second = write_styles(tmp_path / "two", [row(2, "Shirts")[:-1], row(3, "Shirts", "Ultrablue")], {})

    faults = read_corpus([first, second], Ontology.load("v1")).faults

    assert [fault.removeprefix(f"{tmp_path}/") for fault in faults] == [
        "one/styles.csv line 3: id 1 stands in an earlier line already",
        "one/styles.csv line 2: articleType 'Spacesuit' is unknown to the crosswalk",
        "two/styles.csv line 2: 7 columns instead of 8",
        "two/styles.csv line 3: baseColour 'Ultrablue' is unknown to the crosswalk",
    ]
