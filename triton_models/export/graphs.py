# SPDX-License-Identifier: Apache-2.0
"""The six served graphs as torch modules, with calibration folded in: probabilities come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.bundle import Head
    from triton_models.training.heads import LinearHead

_NOTHING = -1e30


class ImageEncoder(nn.Module):
    """uint8 `[b, 2, side, side, 3]` -> image_features `[b, Di]`, view_type `[b, 1]` of zeros: there is no such head."""

    def __init__(self, trunk: nn.Module, projection: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.projection = projection

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Both outputs belong to the picture, not to the product."""
        features: Tensor = self.projection(self.trunk(images))
        return features, torch.zeros_like(features[:, :1])


class ImagePool(nn.Module):
    """image_features `[n, Di]`, image_mask uint8 `[n]` -> product_features `[1, Di]`, contribution `[n]`."""

    def forward(self, image_features: Tensor, image_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Channel-wise maximum over the real pictures; a picture's contribution is the share of channels it won."""
        real = image_mask.to(torch.bool)[:, None]
        candidates = torch.where(real, image_features, torch.full_like(image_features, _NOTHING))
        pooled = candidates.amax(0, keepdim=True)
        # Equal pictures share what they win; padding wins nothing.
        wins = ((candidates == pooled) & real).to(torch.float32)
        return pooled, (wins / wins.sum(0, keepdim=True)).mean(1)


class TextEncoder(nn.Module):
    """input_ids, attention_mask int64 `[b, L]` -> text_features `[b, Dt]`."""

    def __init__(self, trunk: nn.Module, projection: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.projection = projection

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The projected masked mean."""
        features: Tensor = self.projection(self.trunk(input_ids, attention_mask))
        return features


class _Probabilities(nn.Module):
    """All tasks of one kind of input: `[b, D]` -> one `[b, K]` per task, in the order of the tasks."""

    def __init__(self, heads: Mapping[str, LinearHead]) -> None:
        super().__init__()
        self.tasks = nn.ModuleList(_calibrated(head) for head in heads.values())

    def forward(self, features: Tensor) -> list[Tensor]:
        return [task(features).softmax(-1) for task in self.tasks]


class FusionHeads(nn.Module):
    """Both features -> for each task the fused, image-only and text-only probabilities; last the embedding."""

    def __init__(self, heads: Mapping[Head, Mapping[str, LinearHead]]) -> None:
        """`heads` by kind of input (`fused`, `image`, `text`) and task."""
        super().__init__()
        self.fused = _Probabilities(heads["fused"])
        self.image = _Probabilities(heads["image"])
        self.text = _Probabilities(heads["text"])

    def forward(self, image_features: Tensor, text_features: Tensor) -> tuple[Tensor, ...]:
        """The single-modality answers do not see the other side."""
        both = torch.cat((image_features, text_features), 1)
        opinions = zip(self.fused(both), self.image(image_features), self.text(text_features), strict=True)
        return (*(opinion for task in opinions for opinion in task), nn.functional.normalize(both))


class ImageHeads(nn.Module):
    """image_features -> probabilities of each task, embedding with the text side zero."""

    def __init__(self, heads: Mapping[str, LinearHead], text_dim: int) -> None:
        super().__init__()
        self.heads = _Probabilities(heads)
        self.text_dim = text_dim

    def forward(self, image_features: Tensor) -> tuple[Tensor, ...]:
        """The same answers as `FusionHeads` gives for the image alone."""
        absent = image_features.new_zeros((image_features.shape[0], self.text_dim))
        return (*self.heads(image_features), nn.functional.normalize(torch.cat((image_features, absent), 1)))


class TextHeads(nn.Module):
    """text_features -> probabilities of each task, embedding with the image side zero."""

    def __init__(self, heads: Mapping[str, LinearHead], image_dim: int) -> None:
        super().__init__()
        self.heads = _Probabilities(heads)
        self.image_dim = image_dim

    def forward(self, text_features: Tensor) -> tuple[Tensor, ...]:
        """The same answers as `FusionHeads` gives for the text alone."""
        absent = text_features.new_zeros((text_features.shape[0], self.image_dim))
        return (*self.heads(text_features), nn.functional.normalize(torch.cat((absent, text_features), 1)))


def _calibrated(head: LinearHead) -> nn.Linear:
    labels, dim = head.weight.shape
    linear = nn.Linear(dim, labels)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(head.weight / head.temperature))
        linear.bias.copy_(torch.from_numpy(head.bias / head.temperature))
    return linear
