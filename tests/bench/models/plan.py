# SPDX-License-Identifier: Apache-2.0
"""Which recipes are held against the starter's, and shares of the training rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from triton_models.training.dense_training import DenseRecipe, Weighing

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Of the families of the training split; the last is the one that the others are read against.
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)


def recipe_for(share: float, whole: DenseRecipe) -> DenseRecipe:
    """Steps go with the root of the share: as many passes would be too few steps, as many steps too many passes."""
    return replace(whole, epochs=whole.epochs * share**-0.5)


def choices(starter: DenseRecipe) -> Iterator[tuple[str, DenseRecipe]]:
    """Names and recipes, each with one number changed; the first is what chance alone changes."""
    yield "another seed", replace(starter, seed=starter.seed + 1)
    yield "class weights count^-0.5", replace(starter, weighing=Weighing.BY_COUNT)
    yield "losses divided by ln K", replace(starter, weighing=Weighing.BY_ANSWERS)
    for exponent in (0.5, 0.7, 1.0):
        if exponent != starter.image.exponent:
            drawn = replace(starter.image, exponent=exponent)
            yield f"data sets drawn by size^{exponent:g}", replace(starter, image=drawn)
    for smoothing in (0.0, 0.05, 0.1):
        if smoothing != starter.image.smoothing:
            yield f"label smoothing {smoothing:g}", replace(starter, image=replace(starter.image, smoothing=smoothing))
    for dropout in (0.0, 0.2, 0.4):
        if dropout != starter.image.dropout:
            yield f"dropout {dropout:g}", replace(starter, image=replace(starter.image, dropout=dropout))
