# SPDX-License-Identifier: Apache-2.0
"""The six served graphs as torch modules, with calibration folded in: probabilities come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triton_models.training.fuse import Heads
    from triton_models.training.heads import FusedHead, LinearHead
    from triton_models.training.image_tower import ImageTower
    from triton_models.training.reduce import Projection

_NOTHING = -1e30


class ImageEncoder(nn.Module):
    """uint8 `[b, 2, side, side, 3]` -> image_features `[b, Di]`, view_type `[b, V]`.

    Without a view-type head `[b, 1]` of zeros: the output must be there.
    """

    def __init__(self, tower: ImageTower, views: LinearHead | None = None) -> None:
        super().__init__()
        self.tower = tower
        self.views = None if views is None else _calibrated(views)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Both outputs belong to the picture, not to the product."""
        if self.views is None:
            features: Tensor = self.tower(images)
            return features, torch.zeros_like(features[:, :1])
        features, seen = self.tower.with_view_features(images)
        return features, self.views(seen).softmax(-1)


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


class _Logits(nn.Module):
    """All tasks of one side: `[b, D]` -> one `[b, K]` per task, in the order of the tasks."""

    def __init__(self, heads: Mapping[str, LinearHead]) -> None:
        super().__init__()
        self.tasks = nn.ModuleList(_calibrated(head) for head in heads.values())

    def forward(self, features: Tensor) -> list[Tensor]:
        return [task(features) for task in self.tasks]


class _Fused(nn.Module):
    """Both sides' logits of one task -> probabilities; see `FusedHead`."""

    def __init__(self, head: FusedHead) -> None:
        super().__init__()
        gate = head.weights.gate
        self.prior = nn.Buffer(torch.from_numpy(head.prior * np.float32(head.weights.prior)))
        self.gate = nn.Buffer(torch.from_numpy(gate.vector)[:, None])
        self.sure, self.bias = gate.sure, gate.bias
        self.weights = head.weights
        self.temperature = head.temperature

    def forward(self, image: Tensor, text: Tensor, text_features: Tensor) -> Tensor:
        by_photo, by_text = image.log_softmax(-1), text.log_softmax(-1)
        votes = text_features @ self.gate + self.sure * by_text.amax(-1, keepdim=True).exp() + self.bias
        trust = self.weights.text * votes.sigmoid()
        logits = self.weights.image * by_photo + trust * (by_text - self.prior)
        return (logits / self.temperature).softmax(-1)


class Embedding(nn.Module):
    """What products are compared by: the main axes of both sides, one after the other, length one.

    A side that is absent is zero, so that products with one side are compared by what they share.
    """

    def __init__(self, image: Projection, text: Projection) -> None:
        super().__init__()
        self.image = image.module()
        self.text = text.module()

    def forward(self, image_features: Tensor | None, text_features: Tensor | None) -> Tensor:
        """`[b, Di]` and `[b, Dt]`, one of which may be absent -> `[b, E]`."""
        batch = next(features for features in (image_features, text_features) if features is not None)
        image = self.image.absent(batch) if image_features is None else self.image(image_features)
        text = self.text.absent(batch) if text_features is None else self.text(text_features)
        return nn.functional.normalize(torch.cat((image, text), 1))


class FusionHeads(nn.Module):
    """Both features -> for each task the fused, image-only and text-only probabilities; last the embedding."""

    def __init__(self, heads: Heads, embedding: Embedding) -> None:
        super().__init__()
        self.image = _Logits(heads.image)
        self.text = _Logits(heads.text)
        self.fused = nn.ModuleList(_Fused(head) for head in heads.fused.values())
        self.embedding = embedding

    def forward(self, image_features: Tensor, text_features: Tensor) -> tuple[Tensor, ...]:
        """The single-modality answers do not see the other side."""
        answers = []
        for fused, image, text in zip(self.fused, self.image(image_features), self.text(text_features), strict=True):
            answers += [fused(image, text, text_features), image.softmax(-1), text.softmax(-1)]
        return (*answers, self.embedding(image_features, text_features))


class ImageHeads(nn.Module):
    """image_features -> probabilities of each task, embedding with the text side zero."""

    def __init__(self, heads: Mapping[str, LinearHead], embedding: Embedding) -> None:
        super().__init__()
        self.heads = _Logits(heads)
        self.embedding = embedding

    def forward(self, image_features: Tensor) -> tuple[Tensor, ...]:
        """The same answers as `FusionHeads` gives for the image alone."""
        answers = (logits.softmax(-1) for logits in self.heads(image_features))
        return (*answers, self.embedding(image_features, None))


class TextHeads(nn.Module):
    """text_features -> probabilities of each task, embedding with the image side zero."""

    def __init__(self, heads: Mapping[str, LinearHead], embedding: Embedding) -> None:
        super().__init__()
        self.heads = _Logits(heads)
        self.embedding = embedding

    def forward(self, text_features: Tensor) -> tuple[Tensor, ...]:
        """The same answers as `FusionHeads` gives for the text alone."""
        answers = (logits.softmax(-1) for logits in self.heads(text_features))
        return (*answers, self.embedding(None, text_features))


def _calibrated(head: LinearHead) -> nn.Linear:
    labels, dim = head.weight.shape
    linear = nn.Linear(dim, labels)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(head.weight / head.temperature))
        linear.bias.copy_(torch.from_numpy(head.bias / head.temperature))
    return linear
