# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from triton_models.training.augment import augment
from triton_models.training.recipe import AugmentRecipe, ImageStage

SIDE = 20
SERVED = ImageStage(epochs=1, whole_px=(SIDE, SIDE), detail_px=SIDE, trunk_rate=0, head_rate=0)
STILL = AugmentRecipe(mirrored=0, zoom=0, shift=0, rotation_degrees=0, brightness=0, contrast=0, saturation=0, erased=0)


def pictures() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(1).integers(0, 256, (3, 2, SIDE, SIDE, 3), dtype=np.uint8)


def changed(
    how: AugmentRecipe,
    seed: int = 1,
    stage: ImageStage = SERVED,
    views: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None = None,
) -> list[Tensor]:
    return augment(pictures() if views is None else views, stage, how, np.random.default_rng(seed))


def as_maps(view: int) -> Tensor:
    return torch.from_numpy(pictures()[:, view]).permute(0, 3, 1, 2).to(torch.float32)


def test_without_changes_it_is_a_copy() -> None:
    for view, seen in enumerate(changed(STILL)):
        torch.testing.assert_close(seen, as_maps(view), rtol=0, atol=0.01)


def test_a_mirrored_picture_is_mirrored_in_both_views_and_every_second_one_is() -> None:
    mirrored = 0
    for seed in range(40):
        whole, detail = changed(replace(STILL, mirrored=0.5), seed)
        for index in range(3):
            is_mirrored = torch.allclose(whole[index], as_maps(0)[index].flip(2), atol=0.01)
            assert is_mirrored or torch.allclose(whole[index], as_maps(0)[index], atol=0.01)
            assert torch.allclose(detail[index], as_maps(1)[index].flip(2), atol=0.01) == is_mirrored
            mirrored += is_mirrored

    assert 40 <= mirrored <= 80


def test_a_shift_repeats_the_edge() -> None:
    views = np.zeros((1, 2, SIDE, SIDE, 3), np.uint8)
    views[..., 0, :] = views[..., -1, :] = views[..., 0, :, :] = views[..., -1, :, :] = 200

    for seed in range(10):
        whole, _ = changed(replace(STILL, shift=0.2), seed, views=views)
        # Along one edge the frame is as far inside as the picture was moved; outside of it there is no new level.
        assert {round(level) for level in (whole[0, 0, 0].max().item(), whole[0, 0, -1].max().item())} == {200}


def test_a_stage_sees_the_middle_of_a_view_in_its_own_size() -> None:
    narrow = replace(SERVED, whole_px=(SIDE, 12), detail_px=SIDE // 2)

    whole, detail = changed(STILL, stage=narrow)

    torch.testing.assert_close(whole, as_maps(0)[..., 4:16], rtol=0, atol=0.01)
    torch.testing.assert_close(detail, torch.nn.functional.avg_pool2d(as_maps(1), 2), rtol=0, atol=0.01)


@pytest.mark.parametrize(
    "how", [replace(STILL, brightness=0.1, contrast=0.2), replace(STILL, saturation=0.5)], ids=["light", "saturation"]
)
def test_no_colour_turns(how: AugmentRecipe) -> None:
    for seed in range(20):
        for level in (60, 128, 200):
            grey = np.full((1, 2, SIDE, SIDE, 3), level, np.uint8)
            whole, _ = changed(how, seed, views=grey)
            assert whole.max() - whole.min() < 0.01
            assert abs(whole.max().item() - level) <= 45


def test_what_is_erased_is_one_grey_rectangle_of_the_whole_view() -> None:
    light = np.full((8, 2, SIDE, SIDE, 3), 250, np.uint8)

    whole, detail = changed(replace(STILL, erased=1), views=light)

    assert (detail == 250).all()
    for picture in whole:
        rows, columns = torch.nonzero(picture[0] != 250, as_tuple=True)
        height, width = (positions.max() - positions.min() + 1 for positions in (rows, columns))
        assert len(rows) == height * width
        assert 3 <= height <= 8
        assert 3 <= width <= 8


def test_a_small_turn_keeps_the_middle_where_it_is() -> None:
    views = np.zeros((1, 2, SIDE, SIDE, 3), np.uint8)
    views[:, :, 8:12, 8:12] = 255

    turned = [changed(replace(STILL, rotation_degrees=10), seed, views=views)[0] for seed in range(5)]

    assert all(whole[0, 0, 9:11, 9:11].min() > 200 for whole in turned)
    assert any((whole[0, 0] - turned[0][0, 0]).abs().max() > 1 for whole in turned[1:])
