# SPDX-License-Identifier: Apache-2.0
"""A fixed linear reduction of vectors, fitted on the training split alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Features that hardly differ are not blown up.
_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Projection:
    """`(features - mean) @ matrix`: principal axes, scaled so that the mean squared length is one."""

    mean: NDArray[np.float32]
    matrix: NDArray[np.float32]

    def __call__(self, features: NDArray[np.float16] | NDArray[np.float32]) -> NDArray[np.float32]:
        """`[n, trunk]` -> `[n, dim]`."""
        return np.asarray((features.astype(np.float32) - self.mean) @ self.matrix, dtype=np.float32)

    def module(self) -> ProjectionModule:
        """The same as a torch module, for the graph."""
        return ProjectionModule(self)


class ProjectionModule(nn.Module):
    """A projection in a graph."""

    def __init__(self, projection: Projection) -> None:
        super().__init__()
        trunk_dim, dim = projection.matrix.shape
        self.linear = nn.Linear(trunk_dim, dim)
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(projection.matrix.T.copy()))
            self.linear.bias.copy_(torch.from_numpy(-projection.mean @ projection.matrix))

    def forward(self, features: Tensor) -> Tensor:
        """`[b, trunk]` -> `[b, dim]`."""
        projected: Tensor = self.linear(features)
        return projected

    def absent(self, batch: Tensor) -> Tensor:
        """Zeros instead, one row for each of the batch."""
        return batch.new_zeros((batch.shape[0], self.linear.out_features))


def fit_projection(features: NDArray[np.float16] | NDArray[np.float32], dim: int) -> Projection:
    """The `dim` principal axes of `[n, trunk]` features. With fewer rows or columns than `dim` the rest is zero."""
    values = features.astype(np.float64)
    mean = values.mean(0)
    covariance = (values - mean).T @ (values - mean) / len(values)
    variances, axes = np.linalg.eigh(covariance)
    kept = np.argsort(variances)[::-1][:dim]
    matrix = np.zeros((values.shape[1], dim))
    matrix[:, : len(kept)] = axes[:, kept] / np.sqrt(max(variances[kept].sum(), _LEAST_VARIANCE))
    return Projection(mean.astype(np.float32), matrix.astype(np.float32))
