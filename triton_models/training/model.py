# SPDX-License-Identifier: Apache-2.0
"""The learnt part of the first recipe: two projections, and for each kind of input one linear head per task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from triton_models.training.heads import fit_heads
from triton_models.training.reduce import fit_projection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from consumer.bundle import Head
    from triton_models.training.heads import LinearHead
    from triton_models.training.recipe import Recipe
    from triton_models.training.reduce import Projection

Heads = dict["Head", dict[str, "LinearHead"]]
Targets = dict[str, "NDArray[np.bool_]"]


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Trunk features and right columns of the training split."""

    image: NDArray[np.float16]
    text: NDArray[np.float32]
    """The titles as they are."""
    bare_text: NDArray[np.float32]
    """The same titles without the words that give an answer away."""
    image_rows: Sequence[int]
    """For each row of `image` the row of `text` of the same product."""
    image_targets: Targets
    text_targets: Targets


@dataclass(frozen=True, slots=True)
class Model:
    """What training leaves: graphs are made of it."""

    image_projection: Projection
    text_projection: Projection
    heads: Heads


def fit_model(rows: TrainingRows, recipe: Recipe) -> Model:
    """Fit the projections, then the heads. The same rows and recipe give the same model."""
    random = np.random.default_rng(recipe.seed)
    image_projection = fit_projection(rows.image, recipe.image_dim)
    text_projection = fit_projection(rows.text, recipe.text_dim)
    image, text, bare = image_projection(rows.image), text_projection(rows.text), text_projection(rows.bare_text)
    pooled = pool_alike(image, rows.image_targets, random, recipe.max_images)
    paired, paired_bare = text[list(rows.image_rows)], bare[list(rows.image_rows)]
    # The title gives the answer away: a head that never saw one that does not would ignore the photo.
    both = [np.hstack([image, paired]), np.hstack([pooled, paired]), np.hstack([image, paired_bare])]
    some = random.random(len(text)) < recipe.bare_text_share
    return Model(
        image_projection,
        text_projection,
        {
            "fused": fit_heads(np.concatenate(both), _repeat(rows.image_targets, 3), decay=recipe.fused_decay),
            "image": fit_heads(
                np.concatenate([image, pooled]), _repeat(rows.image_targets, 2), decay=recipe.image_decay
            ),
            "text": fit_heads(
                np.concatenate([text, bare[some]]),
                {handle: np.concatenate([right, right[some]]) for handle, right in rows.text_targets.items()},
                decay=recipe.text_decay,
            ),
        },
    )


def pool_alike(
    image: NDArray[np.float32], targets: Targets, random: np.random.Generator, max_images: int
) -> NDArray[np.float32]:
    """Each picture pooled with up to `max_images - 1` others of the same labels.

    The data has one photo a product; the maximum over several is another distribution, which the heads must know.
    """
    alike: dict[bytes, list[int]] = {}
    keys = [b"/".join(target[row].tobytes() for target in targets.values()) for row in range(len(image))]
    for row, key in enumerate(keys):
        alike.setdefault(key, []).append(row)
    pooled = image.copy()
    for row, key in enumerate(keys):
        others = random.choice(alike[key], size=int(random.integers(1, max_images)))
        pooled[row] = np.maximum(image[row], image[others].max(0))
    return pooled


def _repeat(targets: Targets, times: int) -> Targets:
    return {handle: np.concatenate([right] * times) for handle, right in targets.items()}
