# SPDX-License-Identifier: Apache-2.0
"""What training makes small: masked cross-entropy over the tasks that a product has labels for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def admissible_loss(logits: Tensor, right: Tensor, smoothing: float) -> Tensor:
    """`[n]`: the cross-entropy of each row, zero for a row without a right column (a missing label).

    `right` `[n, K]` marks the columns that are right: with several (the label names an inner node) it is minus the log
    of their summed probability. `smoothing` is the share of the target that goes to all columns alike.
    """
    log_probability = logits.log_softmax(1)
    known = right.any(1)
    # Rows without a right column would be log 0, and its gradient not a number.
    admissible = torch.where(right | ~known[:, None], log_probability, -torch.inf).logsumexp(1)
    loss = -(1 - smoothing) * admissible - smoothing * log_probability.mean(1)
    return torch.where(known, loss, 0.0)


def summed_loss(
    logits: Sequence[Tensor], right: Sequence[Tensor], smoothing: float, weights: Sequence[Tensor] | None = None
) -> Tensor:
    """The sum over tasks, averaged over the products of the batch.

    `weights`: by task `[K]`, what a row counts for whose right column it is, the mean of several; None = all count
    for one.
    """
    losses = [admissible_loss(*task, smoothing) for task in zip(logits, right, strict=True)]
    if weights is not None:
        rows = [
            (is_right * weight).sum(1) / is_right.sum(1).clamp(min=1)
            for is_right, weight in zip(right, weights, strict=True)
        ]
        losses = [loss * row for loss, row in zip(losses, rows, strict=True)]
    return torch.stack(losses).sum(0).mean()
