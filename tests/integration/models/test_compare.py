# SPDX-License-Identifier: Apache-2.0
"""`hangtag models compare` on a small drawn data set, by two tiny bundles whose answers are random but fixed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.support.bundles import TinySpec, write_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("_train_extra")]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return (
        write_tiny_bundle(folder / "a", TinySpec(bundle=1, seed=7)),
        write_tiny_bundle(folder / "b", TinySpec(bundle=2, seed=8)),
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(*arguments: object) -> Result:
    from consumer.cli.models import app

    return CliRunner().invoke(app, list(map(str, arguments)))


def test_both_are_scored_as_evaluate_scores_them_and_held_against_each_other(
    catalogue: Path, bundles: tuple[Path, Path], cache: Path
) -> None:
    fixed = ("--data", catalogue, "--cache", cache, "--split", "all", "--output", "json")

    result = run("compare", *bundles, *fixed)
    alone = [json.loads(run("evaluate", "--bundle", bundle, *fixed).stdout)["tasks"] for bundle in bundles]

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["bundle_a"], found["bundle_b"], found["products"]) == (1, 2, 120)
    assert found["tasks"].keys() == alone[0].keys()
    assert set(found["not_compared"]) == {"gender", "sub", "season", "usage", "age"}
    for task, paired in found["tasks"].items():
        whole = paired["whole"]
        assert whole["n"] == alone[0][task]["n"] == sum(value["n"] for value in paired["values"].values())
        assert whole["accuracy_a"] == pytest.approx(alone[0][task]["accuracy"])
        assert whole["accuracy_b"] == pytest.approx(alone[1][task]["accuracy"])
        assert whole["only_b"] - whole["only_a"] == round(whole["difference"] * whole["n"])
    assert any(paired["whole"]["p"] < 0.05 for paired in found["tasks"].values())


def test_a_bundle_does_not_differ_from_itself(catalogue: Path, bundles: tuple[Path, Path], cache: Path) -> None:
    result = run("compare", bundles[0], bundles[0], "--data", catalogue, "--cache", cache, "--split", "all")

    assert result.exit_code == 0, result.output
    heading, names, _, *rows = result.stdout.splitlines()
    assert heading.startswith("A is bundle 1, B bundle 1: fashion-product-images, split all, label space ours, all")
    assert names == "| task | value | n | A | B | only A | only B | B less A | p |"
    assert {row.split(" | ", 5)[5] for row in rows if row.startswith("|")} == {
        "0 | 0 | +0.000 (+0.000 to +0.000) | 1 |"
    }


def test_a_look_at_the_test_split_is_logged_beside_both(
    catalogue: Path, bundles: tuple[Path, Path], cache: Path
) -> None:
    result = run("compare", *bundles, "--data", catalogue, "--cache", cache, "--split", "test")

    assert result.exit_code == 0, result.output
    for bundle in bundles:
        assert "models compare" in (bundle / "test_openings.jsonl").read_text()


def test_two_ways_to_show_less_are_refused(catalogue: Path, bundles: tuple[Path, Path]) -> None:
    result = run("compare", *bundles, "--data", catalogue, "--photos-only", "--titles-only")

    assert result.exit_code == 2
    assert "choose one of" in result.output
