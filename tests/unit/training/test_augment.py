# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np

from triton_models.training.augment import Augmentation, augment

SIDE = 20
STILL = Augmentation(mirror=False, shift=0, brightness=0, contrast=0)


def picture() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(1).integers(0, 256, (3, 2, SIDE, SIDE, 3), dtype=np.uint8)


def changed(how: Augmentation, seed: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return augment(picture(), np.arange(3), how, np.random.default_rng(seed))


def test_without_changes_it_is_a_copy() -> None:
    np.testing.assert_array_equal(changed(STILL), picture())


def test_a_mirrored_picture_is_mirrored_in_both_views_and_every_second_one_is() -> None:
    mirrored = 0
    for seed in range(40):
        for before, after in zip(picture(), changed(replace(STILL, mirror=True), seed), strict=True):
            is_mirrored = (after == before[:, :, ::-1]).all()
            assert is_mirrored or (after == before).all()
            mirrored += is_mirrored

    assert 40 <= mirrored <= 80


def test_a_shift_repeats_the_edge() -> None:
    shifted = changed(replace(STILL, shift=0.2))

    assert (shifted != picture()).any()
    for row in shifted.reshape(6, SIDE, SIDE, 3):
        assert set(map(bytes, row.reshape(-1, 3))) <= set(map(bytes, picture().reshape(-1, 3)))


def test_brightness_moves_all_channels_alike_so_that_no_colour_turns() -> None:
    grey = np.full((1, 2, SIDE, SIDE, 3), 128, np.uint8)
    for seed in range(20):
        answer = augment(grey, np.array([0]), Augmentation(), np.random.default_rng(seed))
        assert len(np.unique(answer)) == 1
        assert abs(int(answer.flat[0]) - 128) <= 40
