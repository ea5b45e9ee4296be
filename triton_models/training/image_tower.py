# SPDX-License-Identifier: Apache-2.0
"""The image tower: two views of a picture through one MobileNetV2, joined and condensed to one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import mobilenet_v2

from consumer.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from triton_models.training.recipe import ImageRecipe

#: Numbers per picture: 1,280 for each of the two views.
IMAGE_TRUNK_DIM = 2 * 1280

_STRIDE_TWO = (2, 2)


class ImageTrunk(nn.Module):
    """uint8 `[b, 2, side, side, 3]` -> float `[b, 2560]`, the whole before the detail."""

    def __init__(self, stem: nn.Module, features: nn.Module) -> None:
        """`stem` then `features`: normalised pixels `[n, 3, side, side]` -> maps of 1,280 channels."""
        super().__init__()
        self.stem = stem
        self.features = features

    def forward(self, images: Tensor) -> Tensor:
        """Normalise, run both views as one batch, average over positions, join the views."""
        side = images.shape[2]
        # Already in the memory order that convolutions are fastest in.
        pixels = images.reshape(-1, side, side, 3).permute(0, 3, 1, 2).to(torch.float32)
        pooled: Tensor = self.features(self.stem((pixels - 127.5) / 127.5)).mean((2, 3))
        return pooled.reshape(-1, IMAGE_TRUNK_DIM)


class ImageTower(nn.Module):
    """uint8 `[b, 2, side, side, 3]` -> image vectors `[b, dim]`; several of one product are pooled by their maximum."""

    def __init__(self, trunk: ImageTrunk, recipe: ImageRecipe) -> None:
        super().__init__()
        self.trunk = trunk
        self.dense = nn.Sequential(
            nn.Dropout(recipe.dropout),
            nn.Linear(IMAGE_TRUNK_DIM, recipe.hidden),
            nn.LayerNorm(recipe.hidden),
            nn.ReLU(),
            nn.Dropout(recipe.dropout),
            nn.Linear(recipe.hidden, recipe.dim),
            nn.LayerNorm(recipe.dim),
        )

    def forward(self, images: Tensor) -> Tensor:
        """One vector per picture."""
        vectors: Tensor = self.dense(self.trunk(images))
        return vectors


def load_image_trunk(weights: Path, frozen: int) -> ImageTrunk:
    """The trunk with ImageNet weights, its first `frozen` blocks as the stem. Raises Refused without the file.

    The stem is fixed: norms folded, no gradients. The rest learns.
    """
    if not weights.is_file():
        raise Refused(f"{weights} is not there: the ImageNet weights that the image tower starts from")
    backbone = mobilenet_v2(weights=None)
    backbone.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True), strict=True)
    _pad_like_tensorflow(backbone.features)
    stem = fold_norms(backbone.features[:frozen]).requires_grad_(requires_grad=False)
    return ImageTrunk(stem, backbone.features[frozen:])


def fold_norms(network: nn.Module) -> nn.Module:
    """Batch norms become part of the convolutions before them, in place: the same answers in evaluation, and faster."""
    network.eval()
    for block in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for index in range(len(block) - 1):
            convolution, norm = block[index], block[index + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                block[index] = fuse_conv_bn_eval(convolution, norm)
                block[index + 1] = nn.Identity()
    return network


class _FarEdgePadded(nn.Conv2d):
    """TensorFlow pads a stride of two at the far edges only; with torch's padding 3 of 15 photos change their class."""

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(nn.functional.pad(maps, (0, 1, 0, 1)))


def _pad_like_tensorflow(network: nn.Module) -> None:
    for block in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for index, convolution in enumerate(block):
            if isinstance(convolution, nn.Conv2d) and convolution.stride == _STRIDE_TWO:
                padded = _FarEdgePadded(
                    convolution.in_channels,
                    convolution.out_channels,
                    3,
                    stride=2,
                    groups=convolution.groups,
                    bias=convolution.bias is not None,
                )
                padded.load_state_dict(convolution.state_dict())
                block[index] = padded
