# SPDX-License-Identifier: Apache-2.0
"""Two calibrated opinions made one, by a few weights per task that are fitted on the validation split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from triton_models.training.calibrate import with_temperature
from triton_models.training.heads import FusedHead, FusionWeights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from consumer.bundle import Head
    from triton_models.training.calibrate import CalibrationSet
    from triton_models.training.examples import Examples
    from triton_models.training.heads import LinearHead

    Sets = Mapping[Head, Examples]

#: A photo counts as it is, a text for more the surer it is; what the fit starts from and is held near.
_START = FusionWeights(image=1.0, text=0.3, sure=0.9, prior=0.5)
_ALONE = FusionWeights(image=1.0, text=0.0, sure=0.0, prior=0.0)
_PULL = 1e-3
#: Of the loss over titles that give nothing away: as little as keeps those from doing harm, for most vendors name what
#: they sell.
_HOLLOW_SHARES = (0.1, 0.25, 0.5, 1.0)
_MAX_ITERATIONS = 100


@dataclass(frozen=True, slots=True)
class Heads:
    """All heads of a bundle, by task."""

    image: Mapping[str, LinearHead]
    text: Mapping[str, LinearHead]
    fused: Mapping[str, FusedHead]

    def of(self, kind: Head) -> Mapping[str, LinearHead] | Mapping[str, FusedHead]:
        """Those that answer for one kind of input."""
        match kind:
            case "image":
                return self.image
            case "text":
                return self.text
            case "fused":
                return self.fused


@dataclass(frozen=True, slots=True)
class Towers:
    """What both sides learnt, by task."""

    image: Mapping[str, LinearHead]
    text: Mapping[str, LinearHead]
    priors: Mapping[str, NDArray[np.float32]]
    """The log of each answer's share of the training labels."""


def fuse(towers: Towers, calibration: Sets, validation: Sets, hollow: Sequence[Examples]) -> Heads:
    """Calibrate both sides, weigh them, calibrate the sum.

    `calibration`, `validation`: by kind. `hollow`: fused examples of the validation split with titles that give nothing
    away, one for each way of it. They count for as little in the weights as leaves the sum no worse on any of them than
    the photo alone.
    """
    image = _calibrated(towers.image, calibration["image"], validation["image"])
    text = _calibrated(towers.text, calibration["text"], validation["text"])
    fused = {}
    for handle, prior in towers.priors.items():
        head = weigh_safely(FusedHead(image[handle], text[handle], prior, _START), validation["fused"], hollow, handle)
        fused[handle] = with_temperature(head, calibration["fused"].of(handle), validation["fused"].of(handle))
    return Heads(image, text, fused)


def _calibrated(heads: Mapping[str, LinearHead], calibration: Examples, validation: Examples) -> dict[str, LinearHead]:
    return {
        handle: with_temperature(head, calibration.of(handle), validation.of(handle)) for handle, head in heads.items()
    }


def weigh_safely(head: FusedHead, whole: Examples, hollow: Sequence[Examples], handle: str) -> FusedHead:
    """The head with the weights for titles as they are that does no harm where they say nothing."""
    for share in _HOLLOW_SHARES:
        weighed = weigh(head, [(1.0, whole.of(handle)), *((share, titles.of(handle)) for titles in hollow)])
        if not any(_harms(weighed, titles, handle) for titles in hollow):
            break
    return weighed


def _harms(head: FusedHead, titles: Examples, handle: str) -> bool:
    """Whether the photo alone is right more often; not where nothing is labelled."""
    photo, together = (titles.accuracy(handle, answering) for answering in (replace(head, weights=_ALONE), head))
    return photo is not None and together is not None and together < photo


def weigh(head: FusedHead, sets: Sequence[tuple[float, CalibrationSet]]) -> FusedHead:
    """The head with the weights that make the loss over all sets smallest; by the photo alone where no text was learnt.

    `sets`: each behind its share of the loss.
    """
    if not head.text.weight.any():
        return replace(head, weights=_ALONE)
    start = torch.tensor([_START.image, _START.text, _START.sure, _START.prior])
    weights = start.clone().requires_grad_()
    opinions = [(share, *_opinions(head, rows)) for share, rows in sets]
    prior = torch.from_numpy(head.prior)
    optimiser = torch.optim.LBFGS([weights], max_iter=_MAX_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss: torch.Tensor = _PULL * (weights - start).square().sum()
        for share, image, text, right in opinions:
            trust = weights[1] + weights[2] * text.amax(1, keepdim=True).exp()
            logits = weights[0] * image + trust * (text - weights[3] * prior)
            loss = loss + share * torch.nn.functional.cross_entropy(logits, right)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return replace(head, weights=FusionWeights(*weights.tolist()))


def _opinions(head: FusedHead, rows: CalibrationSet) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Both log-probabilities and the right column, of rows that have exactly one."""
    known = rows.right.sum(1) == 1
    features, dim = rows.features[known], head.image.weight.shape[1]
    image, text = head.image.logits(features[:, :dim]), head.text.logits(features[:, dim:])
    by_photo, by_text = (torch.from_numpy(logits).log_softmax(1) for logits in (image, text))
    return by_photo, by_text, torch.from_numpy(rows.right[known].argmax(1))


def log_shares(right: NDArray[np.bool_]) -> NDArray[np.float32]:
    """`[n, K]` right columns -> `[K]`, the log of each column's share of the labels; no share is nothing."""
    counts = right[right.sum(1) == 1].sum(0) + 1.0
    return np.asarray(np.log(counts / counts.sum()), dtype=np.float32)
