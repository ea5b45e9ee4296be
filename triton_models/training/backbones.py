# SPDX-License-Identifier: Apache-2.0
"""Convolutional networks that an image tower can be built on, their norms folded into the convolutions.

A folded network has nothing that depends on the batch: it answers alike while it learns and when it is served, one
picture is a batch, and a step costs a third less (docs/decisions/0019-starter-recipe.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import mobilenet_v2, resnet50
from torchvision.models.resnet import Bottleneck

from consumer.errors import OptionInvalid, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_STRIDE_TWO = (2, 2)

_Network = TypeVar("_Network", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network without its classifier, and the pixels that it expects."""

    blocks: Callable[[Path | None], nn.Sequential]
    """Normalised pixels `[n, 3, h, w]` -> maps, in the order in which they see the picture; None = random weights."""
    dim: int
    """Channels of the last maps."""
    mean: tuple[float, float, float]
    """Levels of red, green and blue that are taken off, of 255."""
    scale: tuple[float, float, float]
    """Levels that are one."""
    is_pretrained: bool = True
    """False: there are no weights to start from."""


def backbone_named(name: str) -> Backbone:
    """Raises OptionInvalid, which names those there are."""
    try:
        return BACKBONES[name]
    except KeyError:
        raise OptionInvalid(f"there is no backbone {name!r}; there are {', '.join(BACKBONES)}") from None


def weights_for(name: str, given: Path | None, mobilenet_v2: Path) -> Path | None:
    """The file that a backbone starts from: the one that is given, else MobileNetV2's own; None = it has none.

    Raises OptionInvalid for one that needs a file and has none.
    """
    if given or not backbone_named(name).is_pretrained:
        return given
    if name == _STARTER:
        return mobilenet_v2
    raise OptionInvalid(f"name the ImageNet weights of {name} with --image-weights: a torchvision state dict")


def fold_norms(network: nn.Module) -> nn.Module:
    """Batch norms become part of the convolutions before them, in place: the same answers in evaluation, and faster."""
    network.eval()
    for block in [module for module in network.modules() if isinstance(module, nn.Sequential | Bottleneck)]:
        for (name, convolution), (following, norm) in pairwise([*block.named_children()]):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(block, name, fuse_conv_bn_eval(convolution, norm))
                setattr(block, following, nn.Identity())
    return network


def _mobilenet_v2(weights: Path | None) -> nn.Sequential:
    features: nn.Sequential = _loaded(mobilenet_v2(weights=None), weights).features
    _pad_like_tensorflow(features)
    return features


def _resnet50(weights: Path | None) -> nn.Sequential:
    network = _loaded(resnet50(weights=None), weights)
    first = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
    return nn.Sequential(first, network.layer1, network.layer2, network.layer3, network.layer4)


def _small(weights: Path | None) -> nn.Sequential:
    """Five blocks, 1.6 M parameters, from scratch: what the pictures alone teach."""
    if weights is not None:
        raise OptionInvalid("the small backbone starts from scratch: there are no weights for it")
    widths = (3, 32, 64, 128, 256, 512)
    return nn.Sequential(
        *(
            # Groups of 8 channels are normed, not batches: nothing to fold.
            nn.Sequential(
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.GroupNorm(after // 8, after), nn.ReLU()
            )
            for before, after in pairwise(widths)
        )
    )


def _loaded(network: _Network, weights: Path | None) -> _Network:
    if weights is None:
        return network
    if not weights.is_file():
        raise Refused(f"{weights} is not there: the ImageNet weights that the image tower starts from")
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True), strict=True)
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


_STARTER = "mobilenet_v2"
_HALF = (127.5, 127.5, 127.5)

#: By the name that recipes use.
BACKBONES: Mapping[str, Backbone] = MappingProxyType(
    {
        _STARTER: Backbone(_mobilenet_v2, 1280, mean=_HALF, scale=_HALF),
        "resnet50": Backbone(_resnet50, 2048, mean=(123.675, 116.28, 103.53), scale=(58.395, 57.12, 57.375)),
        "small": Backbone(_small, 512, mean=_HALF, scale=_HALF, is_pretrained=False),
    }
)
