# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.errors import OptionInvalid
from triton_models.training.recipe import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

SMALLEST = """
bundle = 3
[image]
[[image.stages]]
epochs = 1
whole_px = [64, 48]
detail_px = 32
trunk_rate = 0
head_rate = 1e-3
[text]
"""


def test_the_starters_recipe_ends_at_the_side_that_is_served() -> None:
    recipe = load_recipe()

    last = recipe.image.stages[-1]
    assert {*last.whole_px, last.detail_px} == {recipe.side}
    assert last.datasets == ()
    assert recipe.image.stages[0].trunk_rate == 0


def test_what_a_recipe_leaves_out_has_a_default(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(SMALLEST)

    assert load_recipe(file).text.layers == 6


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("bundel = 3\n" + SMALLEST, "bundel"),
        (SMALLEST.replace("epochs = 1", "epochs = 0"), "image.stages.0.epochs"),
        (SMALLEST + "[image.augmentation]\nhue = 0.1\n", "image.augmentation.hue"),
        (SMALLEST + "[image.augmentation]\nrotation_degrees = 30\n", "image.augmentation.rotation_degrees"),
        (SMALLEST.replace("detail_px = 32", "detail_px = 16"), "image.stages.0.detail_px"),
        ("bundle = ", "cannot be read"),
    ],
    ids=[
        "a misspelt key",
        "a run without an epoch",
        "hue",
        "a picture on its side",
        "a view too small to see",
        "no TOML",
    ],
)
def test_a_faulty_recipe_is_refused_by_name(tmp_path: Path, fault: str, named: str) -> None:
    file = tmp_path / "faulty.toml"
    file.write_text(fault)

    with pytest.raises(OptionInvalid, match=named):
        load_recipe(file)
