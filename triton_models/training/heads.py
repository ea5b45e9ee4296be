# SPDX-License-Identifier: Apache-2.0
"""Linear heads: while they learn, and as they are shipped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

#: Keeps the log of a vanishing probability finite.
_TINY = np.float32(1e-30)


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


@dataclass(frozen=True, slots=True)
class Gate:
    """How far a text is believed: by what it is about, and by how sure it is."""

    vector: NDArray[np.float32]
    """`[Dt]`, what of the text vector speaks for it."""
    sure: float
    """How much its highest probability does."""
    bias: float

    def open(self, features: NDArray[np.float32], highest: NDArray[np.float32]) -> NDArray[np.float32]:
        """Text vectors `[n, Dt]` and their highest probabilities `[n]` -> `[n, 1]` from 0 to 1."""
        votes = features @ self.vector + self.sure * highest + self.bias
        return np.asarray(0.5 * (1 + np.tanh(0.5 * votes)), dtype=np.float32)[:, None]


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """How two opinions are weighed."""

    image: float
    """Of the log-probabilities by the photo."""
    text: float
    """Of those by the text where it is believed whole."""
    prior: float
    """Share of the log-frequency of an answer that is taken off the text's: the photo's opinion holds it already."""
    gate: Gate

    def told(self) -> dict[str, float]:
        """For the run's manifest; the gate's vector stands in the graph."""
        numbers = {"image": self.image, "text": self.text, "prior": self.prior}
        return numbers | {"gate_sure": self.gate.sure, "gate_bias": self.gate.bias}


@dataclass(frozen=True, slots=True)
class FusedHead:
    """Both sides' answer to one task; a text that says nothing of it counts for less than one that names the answer."""

    image: LinearHead
    text: LinearHead
    prior: NDArray[np.float32]
    """`[K]`, the log of each answer's share of the training labels."""
    weights: FusionWeights
    temperature: float = 1.0

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """`[n, Di + Dt]`, the image vector before the text vector -> `[n, K]`."""
        dim = self.image.weight.shape[1]
        image = np.log(self.image.probabilities(features[:, :dim]) + _TINY)
        text = np.log(self.text.probabilities(features[:, dim:]) + _TINY)
        trust = self.weights.text * self.weights.gate.open(features[:, dim:], np.exp(text.max(1)))
        logits = self.weights.image * image + trust * (text - self.weights.prior * self.prior)
        return np.asarray(logits / self.temperature, dtype=np.float32)

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """`[n, Di + Dt]` -> `[n, K]`, each row sums to one."""
        return softmax(self.logits(features))

    def by_photo(self) -> FusedHead:
        """The same, deaf to the text."""
        silent = Gate(np.zeros(self.text.weight.shape[1], np.float32), 0.0, 0.0)
        return replace(self, weights=FusionWeights(image=1.0, text=0.0, prior=0.0, gate=silent))


class TaskHeads(nn.Module):
    """One linear layer per task over the same vectors, while they learn."""

    def __init__(self, dim: int, sizes: Mapping[str, int]) -> None:
        """`sizes`: the number of answers of each task."""
        super().__init__()
        self._handles = tuple(sizes)
        self.tasks = nn.ModuleList(nn.Linear(dim, size) for size in sizes.values())

    def forward(self, vectors: Tensor) -> list[Tensor]:
        """`[n, dim]` -> logits `[n, K]` of each task, in their order."""
        return [task(vectors) for task in self.tasks]

    def silence(self, handles: Iterable[str]) -> None:
        """Tasks that nothing can be learnt of: all answers are equally likely."""
        for handle in handles:
            for parameter in self.tasks[self._handles.index(handle)].parameters():
                nn.init.zeros_(parameter)

    def learnt(self) -> dict[str, LinearHead]:
        """The heads as they are now."""
        heads = {}
        for handle, task in zip(self._handles, self.tasks, strict=True):
            weight, bias = (parameter.detach().numpy().copy() for parameter in task.parameters())
            heads[handle] = LinearHead(weight, bias)
        return heads


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row-wise, safe for large logits."""
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True), dtype=np.float32)
