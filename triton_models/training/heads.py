# SPDX-License-Identifier: Apache-2.0
"""Linear heads: one matrix for all tasks of one kind of input, trained with masked labels."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

#: Enough: the validation loss no longer moves.
_MAX_ITERATIONS = 40


@dataclass(frozen=True, slots=True)
class LinearHead:
    """The logits of one task: `features @ weight.T + bias`, divided by `temperature`."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: float = 1.0

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """`[n, D]` -> `[n, K]`."""
        return np.asarray((features @ self.weight.T + self.bias) / self.temperature, dtype=np.float32)

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """`[n, D]` -> `[n, K]`, each row sums to one."""
        return softmax(self.logits(features))


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row-wise, safe for large logits."""
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True), dtype=np.float32)


def fit_heads(
    features: NDArray[np.float32], targets: Mapping[str, NDArray[np.bool_]], *, decay: float
) -> dict[str, LinearHead]:
    """One head per task by L-BFGS on the whole set, from zero, so without chance.

    A row without a right column is masked. One with several (its label names an inner node) has as loss minus the log
    of their summed probability. Features are standardised for the fit; the scale is folded back into the weights.
    """
    mean, spread = features.mean(0), features.std(0) + 1e-6
    inputs = torch.from_numpy((features - mean) / spread)
    heads = {}
    for handle, right in targets.items():
        known = right.any(1)
        linear = _fit(inputs[torch.from_numpy(known)], torch.from_numpy(right[known]), decay)
        weight = linear.weight.detach().numpy() / spread
        heads[handle] = LinearHead(
            weight.astype(np.float32), (linear.bias.detach().numpy() - weight @ mean).astype(np.float32)
        )
    return heads


def _fit(inputs: torch.Tensor, right: torch.Tensor, decay: float) -> torch.nn.Linear:
    linear = torch.nn.Linear(inputs.shape[1], right.shape[1])
    torch.nn.init.zeros_(linear.weight)
    torch.nn.init.zeros_(linear.bias)
    optimiser = torch.optim.LBFGS(linear.parameters(), max_iter=_MAX_ITERATIONS, line_search_fn="strong_wolfe")
    exact = right.sum(1) == 1
    column = right[exact].to(torch.int64).argmax(1)
    wrong = torch.zeros(right[~exact].shape).masked_fill(~right[~exact], float("-inf"))

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        logits = linear(inputs)
        admissible = logits[exact].gather(1, column[:, None]).sum() + (logits[~exact] + wrong).logsumexp(1).sum()
        loss: torch.Tensor = (logits.logsumexp(1).sum() - admissible) / (len(inputs) * log(max(2, right.shape[1])))
        loss = loss + decay * linear.weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return linear
