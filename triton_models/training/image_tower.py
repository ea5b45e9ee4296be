# SPDX-License-Identifier: Apache-2.0
"""The image tower: two views of a picture through one MobileNetV2, pooled and joined to one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import mobilenet_v2

from consumer.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

#: Numbers per picture: 1,280 for each of the two views.
IMAGE_TRUNK_DIM = 2 * 1280

_STRIDE_TWO = (2, 2)


class ImageTrunk(nn.Module):
    """Frozen ImageNet features. uint8 `[b, 2, side, side, 3]` -> float `[b, 2560]`, the whole before the detail."""

    def __init__(self, features: nn.Module) -> None:
        """`features`: normalised pixels `[n, 3, side, side]` -> maps of 1,280 channels."""
        super().__init__()
        self.features = features

    def forward(self, images: Tensor) -> Tensor:
        """Normalise, run both views as one batch, average over positions, join the views."""
        side = images.shape[2]
        pixels = images.reshape(-1, side, side, 3).permute(0, 3, 1, 2).to(torch.float32)
        pooled: Tensor = self.features((pixels - 127.5) / 127.5).mean((2, 3))
        return pooled.reshape(-1, IMAGE_TRUNK_DIM)


def load_image_trunk(weights: Path) -> ImageTrunk:
    """The trunk with ImageNet weights, ready to export. Raises Refused when the file is not there."""
    if not weights.is_file():
        raise Refused(f"{weights} is not there: the ImageNet weights that the image tower starts from")
    backbone = mobilenet_v2(weights=None)
    backbone.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True), strict=True)
    return make_inference_ready(ImageTrunk(backbone.features))


def make_inference_ready(trunk: ImageTrunk) -> ImageTrunk:
    """Fold the batch norms into the convolutions, and pad as the weights' source did. Changes the trunk in place."""
    trunk.eval()
    for block in [module for module in trunk.modules() if isinstance(module, nn.Sequential)]:
        for index in range(len(block) - 1):
            convolution, norm = block[index], block[index + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                block[index] = _pad_like_tensorflow(fuse_conv_bn_eval(convolution, norm))
                block[index + 1] = nn.Identity()
    return trunk.requires_grad_(requires_grad=False)


def _pad_like_tensorflow(convolution: nn.Conv2d) -> nn.Module:
    """TensorFlow pads a stride of two at the far edges only; with torch's padding 3 of 15 photos change their class."""
    if convolution.stride != _STRIDE_TWO:
        return convolution
    convolution.padding = (0, 0)
    return nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), convolution)
