# SPDX-License-Identifier: Apache-2.0
"""Plain classifiers on what ImageNet's MobileNetV2 sees: how much of a figure is the task, how much the training."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import torch
from torchvision.models import mobilenet_v2

from consumer.errors import Refused
from triton_models.export.onnx import to_onnx
from triton_models.training.baselines import linear_probe, nearest_centroid
from triton_models.training.datasets import PhotoArchive
from triton_models.training.features import FeatureCache
from triton_models.training.metrics import share

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from triton_models.training.datasets import LabelledProduct
    from triton_models.training.metrics import Share
    from triton_models.training.progress import Progress
    from triton_models.training.spaces import Question

#: Training products that the classifiers learn from: minutes of features, and more adds little.
MAX_TRAINING = 4_000
_SIDE = 224
_CLASSIFIERS = {"nearest centroid (photo)": nearest_centroid, "linear probe (photo)": linear_probe}


class FrozenFeatures:
    """1,280 numbers per photo, by the untrained-for-this network; kept on disk by the hash of each photo."""

    def __init__(self, weights: Path, cache: Path, progress: Progress) -> None:
        """`weights` is a torchvision state dict. Raises Refused when it cannot be read."""
        try:
            state = torch.load(weights, weights_only=True)
        except OSError as error:
            raise Refused(f"{weights} cannot be read: {error.strerror}; the ImageNet weights of the probe") from error
        network = mobilenet_v2(weights=None)
        network.load_state_dict(state)
        example = torch.zeros((2, 2, _SIDE, _SIDE, 3), dtype=torch.uint8)
        graph = to_onnx(_WholeView(network.features).eval(), {"images": example}, ["image_features"])
        self._features = FeatureCache(cache, graph.SerializeToString(deterministic=True), _SIDE)
        self._progress = progress

    def of(self, products: Sequence[LabelledProduct]) -> dict[str, NDArray[np.float32]]:
        """By product key, of those whose photo can be decoded."""
        photos = {product.key: product.photo for product in products if product.photo is not None}
        with PhotoArchive() as archive:
            hashes = archive.hashes(photos.values())
            vectors = self._features.compute(
                archive, hashes, list(photos.values()), self._progress.of("photos through the frozen network")
            )
        return {key: vectors[photo].astype(np.float32) for key, photo in photos.items() if photo in vectors}


def training_sample(products: Sequence[LabelledProduct]) -> list[LabelledProduct]:
    """Products with a photo, in an order that has nothing to do with the file's, as many as the classifiers take."""
    with_photo = [product for product in products if product.photo]
    return sorted(with_photo, key=lambda product: hashlib.sha256(product.key.encode()).digest())[:MAX_TRAINING]


def classifier_shares(
    question: Question,
    features: dict[str, NDArray[np.float32]],
    training: Sequence[LabelledProduct],
    asked: Sequence[LabelledProduct],
) -> dict[str, Share]:
    """By classifier, how often it is right of the asked products that have features. Empty without two classes."""
    truths = {product.key: truth for product in training if (truth := question.truth(product))}
    learnt = [key for key in truths if key in features]
    judged = [product for product in asked if product.key in features]
    if len({truths[key] for key in learnt}) <= 1 or not judged:
        return {}
    inputs, values = np.stack([features[key] for key in learnt]), [truths[key] for key in learnt]
    wanted = np.stack([features[product.key] for product in judged])
    return {
        name: share(
            [
                answer == question.truth(product)
                for answer, product in zip(classify(inputs, values, wanted), judged, strict=True)
            ]
        )
        for name, classify in _CLASSIFIERS.items()
    }


class _WholeView(torch.nn.Module):
    """Means of the last maps of the first view."""

    def __init__(self, features: torch.nn.Module) -> None:
        super().__init__()
        self._features = features

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 `[n, 2, side, side, 3]` -> `[n, 1280]`."""
        whole = (images[:, 0].permute(0, 3, 1, 2).float() - 127.5) / 127.5
        maps: torch.Tensor = self._features(whole)
        return maps.mean(dim=(2, 3))
