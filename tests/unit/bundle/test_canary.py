# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from consumer.bundle import canary_inputs

if TYPE_CHECKING:
    from consumer.bundle import Manifest


def test_canary_inputs_have_the_shapes_of_the_contract(manifest: Manifest) -> None:
    inputs = canary_inputs(manifest)

    assert inputs["images"].shape == (2, 2, 8, 8, 3)
    assert inputs["images"].dtype == np.uint8
    assert inputs["image_mask"].tolist() == [1, 1]
    assert inputs["input_ids"][0, :4].tolist() == [2, 7, 3, 0]
    assert inputs["attention_mask"][0, :4].tolist() == [1, 1, 1, 0]


def test_canary_images_differ_by_image_view_and_channel(manifest: Manifest) -> None:
    images = canary_inputs(manifest)["images"]

    assert not np.array_equal(images[0], images[1])
    assert not np.array_equal(images[0, 0], images[0, 1])
    assert not np.array_equal(images[..., 0], images[..., 1])
