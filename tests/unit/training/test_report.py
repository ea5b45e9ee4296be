# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from triton_models.training.metrics import AcceptedMetrics, Share, TaskMetrics
from triton_models.training.report import accepted_table, markdown, task_table
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
    page = markdown(evaluation("photos-only"))

    assert page.startswith(
        "# Bundle 7 on fashion-product-images\nSplit test, label space B, photo only; 1,500 products"
    )
    assert "| gender | photo only | 0.914 (0.897-0.928) | 0.800 | 0.990 | 0.010 | 0.95 | 1,234 |" in page
    assert "| `target-gender` | photo only | 0.950 | 0.930 | 0.900 | 1,000 | 1,111 |" in page
    assert "- season: the bundle has no head x-season" in page
    assert "- styles.csv line 4: no id" in page


def test_baselines_come_before_the_models_they_are_for() -> None:
    rows = task_table(
        [evaluation("photos-only"), evaluation("all", lexical={"gender": Share(0.978, 1234, (0.97, 0.985))})]
    )

    assert [row.split(" | ")[1] for row in rows[2:]] == ["lexical", "photo only", "photo and title"]
    assert rows[2] == "| gender | lexical | 0.978 (0.970-0.985) | | | | | 1,234 |"


@pytest.mark.parametrize("count", [0, 2])
def test_one_row_per_attribute_and_input(count: int) -> None:
    assert len(accepted_table([evaluation("all")] * count)) == 2 + count
