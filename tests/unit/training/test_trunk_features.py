# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from consumer.errors import Refused
from triton_models.training.image_tower import load_image_trunk
from triton_models.training.progress import Silent
from triton_models.training.recipe import ImageStage
from triton_models.training.trunk_features import FrozenTrunk, TrunkFeatures

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 64
SERVED = ImageStage(epochs=1, whole_px=(SIDE, SIDE), detail_px=SIDE, trunk_rate=0, head_rate=0)
TRUNK = FrozenTrunk("small", None, SERVED)
QUIET = Silent().of("")


def pictures() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(1).integers(0, 256, (3, 2, SIDE, SIDE, 3), dtype=np.uint8)


def test_a_photos_features_are_what_the_trunk_makes_of_both_its_views(tmp_path: Path) -> None:
    torch.manual_seed(1)
    found = TrunkFeatures(TRUNK, tmp_path).of(pictures(), [2, 0], ["c", "a"], QUIET)

    torch.manual_seed(1)
    with torch.inference_mode():
        wanted = load_image_trunk("small", None, frozen=0)(torch.from_numpy(pictures()[[2, 0]]))
    assert found.shape == (2, 1024)
    assert found.dtype == np.float16
    torch.testing.assert_close(torch.from_numpy(found).float(), wanted, rtol=1e-2, atol=1e-2)


def test_what_was_computed_is_read_until_something_that_it_depends_on_changes(tmp_path: Path) -> None:
    first = TrunkFeatures(TRUNK, tmp_path).of(pictures(), [0, 1], ["a", "b"], QUIET)
    again = TrunkFeatures(TRUNK, tmp_path).of(pictures(), [0, 1], ["a", "b"], QUIET)
    np.testing.assert_array_equal(again, first)
    assert len(list(tmp_path.iterdir())) == 1

    smaller = FrozenTrunk("small", None, replace(SERVED, detail_px=32))
    TrunkFeatures(smaller, tmp_path).of(pictures(), [0, 1], ["a", "b"], QUIET)
    TrunkFeatures(TRUNK, tmp_path).of(pictures(), [0], ["a"], QUIET)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".npy"] * 3


def test_missing_weights_are_named(tmp_path: Path) -> None:
    trunk = FrozenTrunk("mobilenet_v2", tmp_path / "missing.pth", SERVED)

    with pytest.raises(Refused, match=r"missing\.pth"):
        TrunkFeatures(trunk, tmp_path).of(pictures(), [0], ["a"], QUIET)
