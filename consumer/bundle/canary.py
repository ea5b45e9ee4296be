# SPDX-License-Identifier: Apache-2.0
"""Known inputs whose answers the manifest holds, to see that the server runs this bundle, and rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from consumer.bundle.manifest import Manifest

#: Largest difference of a probability between the answer and the manifest (`contract.md` §8).
PROBABILITY_TOLERANCE = 0.02
#: Smallest cosine between the answered embedding and the manifest's.
EMBEDDING_COSINE = 0.999

_LEVELS = 256


def canary_inputs(manifest: Manifest) -> dict[str, NDArray[np.generic]]:
    """The tensors of all ensembles, as they go on the wire.

    `images` uint8 `[n, 2, side, side, 3]`: colour ramps by integer arithmetic, the same on every machine; `image_mask`
    uint8 `[n]`, all ones; `input_ids` and `attention_mask` int64 `[1, L]`: the token ids, padded.
    """
    recipe = manifest.canary.inputs
    side = manifest.side
    image, view, y, x, channel = np.ogrid[: recipe.images, :2, :side, :side, :3]
    ramp = (x * (1 + channel) + y * (2 - view) + 61 * image + 17 * channel) % (2 * _LEVELS)
    # Up and down again: a jump from 255 to 0 would be an edge. White around it, as a product's photo has: what is far
    # from all training pictures gets extreme answers, in which precisions differ most.
    is_inside = (abs(2 * x - side) < side // 2) & (abs(2 * y - side) < 3 * side // 4)
    images = np.where(is_inside, np.minimum(ramp, 2 * _LEVELS - 1 - ramp), _LEVELS - 1).astype(np.uint8)
    token_count = len(recipe.input_ids)
    input_ids = np.zeros((1, manifest.text_length), dtype=np.int64)
    input_ids[0, :token_count] = recipe.input_ids
    attention_mask = np.zeros((1, manifest.text_length), dtype=np.int64)
    attention_mask[0, :token_count] = 1
    return {
        "images": images,
        "image_mask": np.ones(recipe.images, dtype=np.uint8),
        "input_ids": input_ids,
        "attention_mask": attention_mask,
    }
