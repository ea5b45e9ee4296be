# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from triton_models.training.details import Confusion, TaskDetails, ValueFigures
from triton_models.training.metrics import AcceptedMetrics, CalibrationBin, Share, TaskMetrics
from triton_models.training.page import as_html, as_markdown, table_lines
from triton_models.training.report import accepted_table, changed_table, page_of, task_table
from triton_models.training.scoring import Evaluation

FIGURES = TaskMetrics(0.914, 0.8, 0.99, 0.01, 0.95, 1234, (0.897, 0.928))


def evaluation(inputs: str, **baselines: dict[str, Share]) -> Evaluation:
    return Evaluation(
        bundle=7,
        thresholds="7.1",
        dataset="fashion-product-images",
        split="test",
        space="B",
        inputs=inputs,
        products=1500,
        n_seen_in_training=0,
        skipped={"gender": 266, "season": 1500},
        missing_heads={"season": ("x-season",)},
        tasks={"gender": FIGURES},
        accepted={"target-gender": AcceptedMetrics(0.95, 0.93, 0.9, 1000, 1111)},
        baselines=baselines,
        faults=("styles.csv line 4: no id",),
        unknown_labels=(),
    )


def test_a_figure_never_stands_without_split_space_n_and_interval() -> None:
    page = as_markdown(page_of(evaluation("photos-only")))

    assert page.startswith(
        "# Bundle 7 on fashion-product-images\nSplit test, label space B, photo only; 1,500 products"
    )
    assert "| gender | photo only | 0.914 (0.897-0.928) | 0.800 | 0.990 | 0.010 | 0.95 | 1,234 |" in page
    assert "| `target-gender` | photo only | 0.950 | 0.930 | 0.900 | 1,000 | 1,111 |" in page
    assert "- season: the bundle has no head x-season" in page
    assert "- styles.csv line 4: no id" in page


def test_baselines_come_before_the_models_they_are_for() -> None:
    table = task_table(
        [evaluation("photos-only"), evaluation("all", lexical={"gender": Share(0.978, 1234, (0.97, 0.985))})]
    )

    assert [row[1] for row in table.rows] == ["lexical", "photo only", "photo and title"]
    assert table.rows[0] == ("gender", "lexical", "0.978 (0.970-0.985)", "", "", "", "", "1,234")


def test_worse_inputs_stand_beside_photo_and_title_in_one_row_a_task() -> None:
    table = changed_table([evaluation(inputs) for inputs in ("strange-photo", "all", "titles-only", "bare-titles")])

    assert table.header == ("task", "photo and title", "label words deleted", "one of three a stranger's", "n at most")
    assert table.rows == (("gender", *["0.914 (0.897-0.928)"] * 3, "1,234"),)


@pytest.mark.parametrize("count", [0, 2])
def test_one_row_per_attribute_and_input(count: int) -> None:
    table = accepted_table([evaluation("all")] * count)

    assert len(table.rows) == count
    assert len(table_lines(table)) == 2 + count


DETAILS = {
    "gender": TaskDetails(
        values={"Men": ValueFigures(Share(0.95, 900, (0.93, 0.96)), Share(0.9, 950, (0.88, 0.92)))},
        confusions=(Confusion("Men", "<b>Women</b>", 30, 30 / 900),),
        calibration=(CalibrationBin(0.6, 0.55, 600), CalibrationBin(0.97, 0.99, 600)),
        slices={"photos": {"no photo": Share(0.5, 4, (0.15, 0.85)), "a small photo": Share(0.9, 1230, (0.88, 0.92))}},
    )
}


def test_details_stand_below_the_figures_each_with_its_n() -> None:
    page = as_markdown(page_of(evaluation("all"), DETAILS))

    assert "## Task gender" in page
    assert "| photos | a small photo | 0.900 (0.880-0.920) | 1,230 |" in page
    assert "| Men | <b>Women</b> | 30 | 3% |" in page
    assert "| Men | 0.950 (0.930-0.960) | 0.900 (0.880-0.920) | 900 |" in page
    assert "0.60 -> 0.55, 0.97 -> 0.99" in page


def test_the_page_in_html_has_the_same_cells_and_takes_no_markup_from_labels() -> None:
    page = as_html(page_of(evaluation("all"), DETAILS))

    assert "<td>0.950 (0.930-0.960)</td>" in page
    assert "&lt;b&gt;Women&lt;/b&gt;" in page
    assert "<b>" not in page
    tree = ET.fromstring(page.removeprefix("<!doctype html>").replace('<meta charset="utf-8">', ""))
    assert len(tree.findall(".//circle")) == 2
    assert not [node for node in tree.iter() if node.get("src") or node.get("href")]
