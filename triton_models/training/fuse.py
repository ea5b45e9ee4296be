# SPDX-License-Identifier: Apache-2.0
"""Two calibrated opinions made one: weights and a gate per task, fitted on the validation split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from triton_models.training.calibrate import with_temperature
from triton_models.training.heads import FusedHead, FusionWeights, Gate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from consumer.bundle import Head
    from triton_models.training.calibrate import CalibrationSet
    from triton_models.training.examples import Examples
    from triton_models.training.heads import LinearHead

    Sets = Mapping[Head, Examples]

#: Of the loss over titles that give nothing away, one kind of them: as little as keeps those from doing harm, for most
#: vendors name what they sell.
_HOLLOW_SHARES = (0.2, 0.5, 1.0)
#: What keeps the gate small, whose inputs are scaled to a deviation of one, and the weights near one.
_GATE_DECAY, _PULL = 0.03, 1e-3
_MAX_ITERATIONS = 150


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
    the photo alone, on rows that the weights have not seen, or for as much as the titles as they are where nothing less
    does.
    """
    image = _calibrated(towers.image, calibration["image"], validation["image"])
    text = _calibrated(towers.text, calibration["text"], validation["text"])
    fused = {}
    for handle, prior in towers.priors.items():
        head = weigh_safely(unweighed(image[handle], text[handle], prior), validation["fused"], hollow, handle)
        fused[handle] = with_temperature(head, calibration["fused"].of(handle), validation["fused"].of(handle))
    return Heads(image, text, fused)


def _calibrated(heads: Mapping[str, LinearHead], calibration: Examples, validation: Examples) -> dict[str, LinearHead]:
    return {
        handle: with_temperature(head, calibration.of(handle), validation.of(handle)) for handle, head in heads.items()
    }


def weigh_safely(head: FusedHead, whole: Examples, hollow: Sequence[Examples], handle: str) -> FusedHead:
    """The head with the weights for titles as they are that does no harm where they say nothing, or the least."""
    # What a gate knows by heart does no harm where it learnt it, so each half is tried by what the other taught.
    halves = [[examples.half(second=second) for examples in (whole, *hollow)] for second in (False, True)]
    for share in _HOLLOW_SHARES:
        gained = [0] * len(hollow)
        for taught, unseen in (halves, halves[::-1]):
            weighed = _weighed(head, taught, share, handle)
            gained = [sum(pair) for pair in zip(gained, _gained(weighed, unseen[1:], handle), strict=True)]
        if min(gained, default=0) >= 0:
            break
    return _weighed(head, (whole, *hollow), share, handle)


def _weighed(head: FusedHead, examples: Sequence[Examples], share: float, handle: str) -> FusedHead:
    """By titles as they are, and behind them those that count for `share`."""
    whole, *hollow = (rows.of(handle) for rows in examples)
    return weigh(head, [(1.0, whole), *((share, rows) for rows in hollow)])


def _gained(head: FusedHead, hollow: Sequence[Examples], handle: str) -> list[int]:
    """For each kind of title, how many more products are right than by the photo alone."""
    photo = head.by_photo()
    return [int(titles.rights(handle, head).sum() - titles.rights(handle, photo).sum()) for titles in hollow]


def unweighed(image: LinearHead, text: LinearHead, prior: NDArray[np.float32]) -> FusedHead:
    """Both count alike, whatever the text is about: what a fit starts from."""
    gate = Gate(np.zeros(text.weight.shape[1], np.float32), sure=1.0, bias=0.0)
    return FusedHead(image, text, prior, FusionWeights(image=1.0, text=1.0, prior=0.5, gate=gate))


def weigh(head: FusedHead, sets: Sequence[tuple[float, CalibrationSet]]) -> FusedHead:
    """The head with the weights that make the loss over all sets smallest.

    By the photo alone where no text was learnt, or no product has a label. `sets`: each behind its share of the loss.
    """
    opinions = [(share, said) for share, rows in sets if len((said := _opinions(head, rows)).right)]
    if not (opinions and head.text.weight.any()):
        return head.by_photo()
    fit = _Fit(head, torch.cat([said.text_features for _, said in opinions]))
    optimiser = torch.optim.LBFGS(fit.parameters(), max_iter=_MAX_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = fit.distance()
        for share, said in opinions:
            loss = loss + share * torch.nn.functional.cross_entropy(fit(said), said.right)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return replace(head, weights=fit.weights())


@dataclass(frozen=True, slots=True)
class _Opinions:
    """Of rows that have exactly one right column."""

    image: torch.Tensor
    """Log-probabilities `[n, K]` by the photo."""
    text: torch.Tensor
    """The same by the text."""
    text_features: torch.Tensor
    right: torch.Tensor


class _Fit(torch.nn.Module):
    """The weights of one head while they are fitted."""

    def __init__(self, head: FusedHead, text_features: torch.Tensor) -> None:
        super().__init__()
        start = head.weights
        self._prior = torch.from_numpy(head.prior)
        self._start = torch.tensor([start.image, start.text, start.prior, start.gate.sure, start.gate.bias])
        self._mean, self._deviation = text_features.mean(0), text_features.std(0, correction=0) + 1e-6
        self.scalars = torch.nn.Parameter(self._start.clone())
        self.gate = torch.nn.Parameter(torch.zeros(text_features.shape[1]))

    def forward(self, said: _Opinions) -> torch.Tensor:
        """Fused logits `[n, K]`, as `FusedHead` gives them."""
        image, text, prior, sure, bias = self.scalars
        votes = ((said.text_features - self._mean) / self._deviation) @ self.gate
        trust = text * (votes + sure * said.text.amax(1).exp() + bias).sigmoid()
        logits: torch.Tensor = image * said.image + trust[:, None] * (said.text - prior * self._prior)
        return logits

    def distance(self) -> torch.Tensor:
        """What is paid for leaving the start."""
        return _PULL * (self.scalars - self._start)[:2].square().sum() + _GATE_DECAY * self.gate.square().sum()

    def weights(self) -> FusionWeights:
        """For text vectors as they come."""
        image, text, prior, sure, bias = self.scalars.tolist()
        vector = (self.gate / self._deviation).detach()
        gate = Gate(vector.numpy().astype(np.float32), sure, bias - float(self._mean @ vector))
        return FusionWeights(image, text, prior, gate)


def _opinions(head: FusedHead, rows: CalibrationSet) -> _Opinions:
    known = rows.right.sum(1) == 1
    features, dim = rows.features[known], head.image.weight.shape[1]
    image, text = head.image.logits(features[:, :dim]), head.text.logits(features[:, dim:])
    by_photo, by_text = (torch.from_numpy(logits).log_softmax(1) for logits in (image, text))
    right = torch.from_numpy(rows.right[known].argmax(1))
    return _Opinions(by_photo, by_text, torch.from_numpy(features[:, dim:]), right)


def log_shares(right: NDArray[np.bool_]) -> NDArray[np.float32]:
    """`[n, K]` right columns -> `[K]`, the log of each column's share of the labels; no share is nothing."""
    counts = right[right.sum(1) == 1].sum(0) + 1.0
    return np.asarray(np.log(counts / counts.sum()), dtype=np.float32)
