# SPDX-License-Identifier: Apache-2.0
"""What vectors put side by side: whether the nearest other product has the same label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from triton_models.training.metrics import share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from triton_models.training.frozen_rows import FrozenRows
    from triton_models.training.metrics import Share


def agreement(vectors: NDArray[np.float32], rows: FrozenRows) -> dict[str, Share]:
    """By task, how often the nearest labelled product of another family, by cosine, has the same label.

    `vectors` `[n, D]`, one for each of the rows. Products whose label is not one answer are left out.
    """
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
    names = {family: number for number, family in enumerate(dict.fromkeys(rows.families))}
    families = np.array([names[family] for family in rows.families])
    found = {}
    for handle, right in rows.targets.items():
        labelled = np.flatnonzero(right.sum(1) == 1)
        labels = right[labelled].argmax(1)
        cosines = unit[labelled] @ unit[labelled].T
        cosines[families[labelled][:, None] == families[labelled][None, :]] = -np.inf
        is_judged = np.isfinite(cosines).any(1)
        is_same = labels[cosines.argmax(1)] == labels
        found[handle] = share(is_same[is_judged].tolist())
    return found


def plane(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """`[n, 2]`: the two directions in which the vectors differ most, both scaled to -1 to 1."""
    centred = vectors - vectors.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    flat = centred @ axes[:, :-3:-1]
    return np.asarray(flat / np.abs(flat).max(0), dtype=np.float32)
