# SPDX-License-Identifier: Apache-2.0
"""What training leaves; graphs are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triton_models.training.fuse import Heads
    from triton_models.training.heads import LinearHead
    from triton_models.training.image_tower import ImageTower
    from triton_models.training.labels import LabelSpace
    from triton_models.training.reduce import Projection
    from triton_models.training.text_tower import TextTrunk


@dataclass(frozen=True, slots=True)
class Model:
    """Two towers, three heads a task, and the axes of the embedding."""

    image: ImageTower
    text: TextTrunk
    heads: Heads
    image_axes: Projection
    text_axes: Projection
    spaces: tuple[LabelSpace, ...]
    vocabulary: tuple[str, ...]
    views: LinearHead | None = None
    """Says what kind of view a picture is, columns in the order of `VIEW_TYPES`; None = there is no such head."""
