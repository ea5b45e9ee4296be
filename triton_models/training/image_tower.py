# SPDX-License-Identifier: Apache-2.0
"""The image tower: two views of a picture through one network, joined and condensed to one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from consumer.errors import OptionInvalid
from triton_models.training.backbones import backbone_named, fold_norms

if TYPE_CHECKING:
    from pathlib import Path

    from triton_models.training.backbones import Backbone
    from triton_models.training.recipe import ImageRecipe

#: Cells of the layout along each side, or fewer where the stem's maps are smaller.
_GRID = 4


class ImageTrunk(nn.Module):
    """uint8 `[b, 2, side, side, 3]` -> float `[b, dim]`, the whole before the detail."""

    mean: Tensor
    scale: Tensor

    def __init__(self, stem: nn.Module, features: nn.Module, backbone: Backbone) -> None:
        """`stem` then `features` are the backbone's blocks; only the latter learn."""
        super().__init__()
        self.stem = stem
        self.features = features
        self.dim = 2 * backbone.dim
        for name, levels in (("mean", backbone.mean), ("scale", backbone.scale)):
            self.register_buffer(name, torch.tensor(levels).reshape(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Both views as one batch."""
        return self.view(_levels(images)).reshape(-1, self.dim)

    def with_layout(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and where on both views is what: the stem's maps, averaged over a grid."""
        stem = self.stem((_levels(images) - self.mean) / self.scale)
        layout = nn.functional.avg_pool2d(stem, max(1, stem.shape[2] // _GRID)).flatten(1)
        pooled = self.features(stem).mean((2, 3))
        return pooled.reshape(-1, self.dim), layout.reshape(-1, 2 * layout.shape[1])

    def view(self, maps: Tensor) -> Tensor:
        """One view of each picture, levels `[n, 3, h, w]` -> half a vector each: normalise, run, average positions."""
        pooled: Tensor = self.features(self.stem((maps - self.mean) / self.scale)).mean((2, 3))
        return pooled


class ImageTower(nn.Module):
    """uint8 `[b, 2, side, side, 3]` -> image vectors `[b, dim]`; several of one product are pooled by their maximum."""

    def __init__(self, trunk: ImageTrunk, recipe: ImageRecipe) -> None:
        super().__init__()
        self.trunk = trunk
        self.dense = dense_part(trunk.dim, recipe)

    def forward(self, images: Tensor) -> Tensor:
        """One vector per picture."""
        vectors: Tensor = self.dense(self.trunk(images))
        return vectors

    def with_view_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and what the view-type head sees: vectors tell products apart, and forget what is around them."""
        trunk, layout = self.trunk.with_layout(images)
        return self.dense(trunk), torch.cat((layout, trunk), 1)


def dense_part(width: int, recipe: ImageRecipe) -> nn.Sequential:
    """What condenses a trunk's features `[n, width]` to image vectors `[n, dim]`."""
    return nn.Sequential(
        nn.Dropout(recipe.dropout),
        nn.Linear(width, recipe.hidden),
        nn.LayerNorm(recipe.hidden),
        nn.ReLU(),
        nn.Dropout(recipe.dropout),
        nn.Linear(recipe.hidden, recipe.dim),
        nn.LayerNorm(recipe.dim),
    )


def _levels(images: Tensor) -> Tensor:
    side = images.shape[2]
    # Already in the memory order that convolutions are fastest in.
    return images.reshape(-1, side, side, 3).permute(0, 3, 1, 2).to(torch.float32)


def load_image_trunk(name: str, weights: Path | None, frozen: int) -> ImageTrunk:
    """The trunk on a backbone with its ImageNet weights, its first `frozen` blocks as the stem, which never learns.

    `weights`: a torchvision state dict; None = from scratch. Raises Refused without the file, OptionInvalid for a
    backbone that is not there or has fewer blocks.
    """
    backbone = backbone_named(name)
    blocks = fold_norms(backbone.blocks(weights))
    assert isinstance(blocks, nn.Sequential)
    if frozen >= len(blocks):
        raise OptionInvalid(f"{name} has {len(blocks)} blocks; with {frozen} of them frozen nothing learns")
    stem = blocks[:frozen].requires_grad_(requires_grad=False)
    # A bias that came of a norm would stay as it was.
    return ImageTrunk(stem, blocks[frozen:].requires_grad_(), backbone)
