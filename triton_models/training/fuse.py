# SPDX-License-Identifier: Apache-2.0
"""Two calibrated opinions made one: per task a weighted mean of the logs of both probabilities.

Such a mean is itself a linear head over both vectors, because the softmax takes away what differs between a logit and
the log of its probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from triton_models.training.calibrate import with_temperature
from triton_models.training.heads import LinearHead

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.bundle import Head
    from triton_models.training.calibrate import CalibrationSet
    from triton_models.training.examples import Examples

    Sets = Mapping[Head, Examples]

_WEIGHTS = np.linspace(0, 1, 41)


@dataclass(frozen=True, slots=True)
class Fused:
    """All heads of a bundle, by kind and task, and how much the photo counts in the fused ones."""

    heads: Mapping[Head, Mapping[str, LinearHead]]
    image_weights: Mapping[str, float]


def fuse(towers: Mapping[Head, Mapping[str, LinearHead]], calibration: Sets, validation: Sets, bare: Examples) -> Fused:
    """Calibrate both sides, weigh them, calibrate the sum.

    `towers`: heads of the kinds `image` and `text`. `calibration`, `validation`: by kind. `bare`: fused examples of the
    validation split with titles that give nothing away; the weight is the best for those and the titles as they are.
    """
    alone: dict[Head, dict[str, LinearHead]] = {
        kind: {
            handle: with_temperature(head, calibration[kind].of(handle), validation[kind].of(handle))
            for handle, head in heads.items()
        }
        for kind, heads in towers.items()
    }
    weights = {
        handle: best_weight(image, alone["text"][handle], [validation["fused"].of(handle), bare.of(handle)])
        for handle, image in alone["image"].items()
    }
    fused = {
        handle: with_temperature(
            weighted(alone["image"][handle], alone["text"][handle], weight),
            calibration["fused"].of(handle),
            validation["fused"].of(handle),
        )
        for handle, weight in weights.items()
    }
    return Fused({**alone, "fused": fused}, weights)


def best_weight(image: LinearHead, text: LinearHead, rows: Sequence[CalibrationSet]) -> float:
    """The photo's share that makes the loss smallest; 1 where no text says anything."""
    if not text.weight.any():
        return 1.0

    def loss(weight: float) -> float:
        return sum(part.loss(weighted(image, text, weight)) for part in rows)

    return float(min(_WEIGHTS, key=loss))


def weighted(image: LinearHead, text: LinearHead, weight: float) -> LinearHead:
    """softmax(weight log p_image + (1 - weight) log p_text) as one head over the image vector, then the text vector."""
    shares = ((image, weight / image.temperature), (text, (1 - weight) / text.temperature))
    return LinearHead(
        np.hstack([head.weight * np.float32(share) for head, share in shares]),
        sum((head.bias * np.float32(share) for head, share in shares), np.zeros_like(image.bias)),
    )
