# SPDX-License-Identifier: Apache-2.0
"""What a bundle's own files answer for labelled products, as it is served and with less than it is served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from consumer.bundle import read_text
from consumer.errors import IncompatibleModels
from consumer.triton.prediction import probabilities
from triton_models.export.runtimes import (
    FUSION_HEADS,
    FUSION_HEADS_IMAGE,
    FUSION_HEADS_TEXT,
    IMAGE_ENCODER,
    IMAGE_POOL,
    TEXT_ENCODER,
    OnnxRuntime,
)
from triton_models.export.verify import find_file_faults
from triton_models.training.datasets import FASHION_PRODUCT_IMAGES, PhotoArchive
from triton_models.training.features import FeatureCache
from triton_models.training.inputs import event_of, photos_for, with_titles_for
from triton_models.training.labels import load_crosswalk
from triton_models.training.titles import title_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from consumer.bundle import Bundle, Head
    from triton_models.training.datasets import LabelledProduct, Photo
    from triton_models.training.progress import Progress
    from triton_models.training.shown import Inputs

_BATCH_TEXTS = 64


@dataclass(frozen=True, slots=True)
class Answers:
    """Probabilities by task, with the positions of the products that could be answered."""

    rows: tuple[int, ...]
    heads: tuple[Head, ...]
    """Which head answered, by row."""
    probabilities: Mapping[str, NDArray[np.float32]]
    """By handle, `[n, K]`."""
    undecodable: tuple[str, ...]
    """Which products have a photo that cannot be decoded; with a title, that alone was shown."""


class Evaluator:
    """Answers for labelled products by the ONNX files of one bundle."""

    def __init__(self, bundle: Bundle, cache: Path, progress: Progress) -> None:
        """Raises IncompatibleModels when a file is not the one that the manifest names."""
        if faults := find_file_faults(bundle):
            raise IncompatibleModels(f"{bundle.folder}: " + "; ".join(faults))
        self._bundle = bundle
        self._run = OnnxRuntime(bundle.folder)
        self._progress = progress
        self._words = title_words(load_crosswalk(FASHION_PRODUCT_IMAGES))
        self._features = FeatureCache(
            cache, (bundle.folder / f"{IMAGE_ENCODER}.onnx").read_bytes(), bundle.manifest.side
        )
        self._texts: dict[str, NDArray[np.float32]] = {}

    def answer(self, products: Sequence[LabelledProduct], inputs: Inputs) -> Answers:
        """What the served model would say of each product that has something to show."""
        shown = with_titles_for(inputs, products, self._words)
        images = self._image_features(photos_for(inputs, products))
        texts = self._text_features(shown) if inputs.has_titles else {}
        if inputs.needs_photo:
            texts = {row: vector for row, vector in texts.items() if row in images}
        both, photo, title = (
            sorted(rows)
            for rows in (images.keys() & texts.keys(), images.keys() - texts.keys(), texts.keys() - images.keys())
        )
        parts = [
            self._heads(FUSION_HEADS, both, image_features=images, text_features=texts),
            self._heads(FUSION_HEADS_IMAGE, photo, image_features=images),
            self._heads(FUSION_HEADS_TEXT, title, text_features=texts),
        ]
        used: dict[Head, list[int]] = {"fused": both, "image": photo, "text": title}
        return Answers(
            rows=(*both, *photo, *title),
            heads=tuple(head for head, rows in used.items() for _ in rows),
            probabilities={
                task.handle: np.concatenate([part[task.handle] for part in parts])
                for task in self._bundle.manifest.tasks
            },
            undecodable=tuple(
                f"{product.key}: its photo cannot be decoded"
                for row, product in enumerate(products)
                if inputs.has_photos and product.photo and row not in images
            ),
        )

    def _heads(
        self, graph: str, rows: Sequence[int], **features: Mapping[int, NDArray[np.float32]]
    ) -> dict[str, NDArray[np.float32]]:
        tasks = self._bundle.manifest.tasks
        if not rows:
            return {task.handle: np.empty((0, len(task.labels)), dtype=np.float32) for task in tasks}
        answers = self._run(
            graph, {name: np.stack([vectors[row] for row in rows]) for name, vectors in features.items()}
        )
        return {task.handle: probabilities(task, np.asarray(answers[task.handle], dtype=np.float32)) for task in tasks}

    def _image_features(self, shown: Mapping[int, Sequence[Photo]]) -> dict[int, NDArray[np.float32]]:
        vectors = self.photo_features([photo for pictures in shown.values() for photo in pictures])
        usable = {row: [vectors[photo] for photo in pictures if photo in vectors] for row, pictures in shown.items()}
        return {row: self._pooled(pictures) for row, pictures in usable.items() if pictures}

    def photo_features(self, photos: Sequence[Photo]) -> dict[Photo, NDArray[np.float16]]:
        """What the heads see of each photo that can be decoded."""
        with PhotoArchive() as archive:
            hashes = archive.hashes(photos)
            return self._features.compute(
                archive, hashes, photos, self._progress.of("photos through the image encoder")
            )

    def _pooled(self, pictures: Sequence[NDArray[np.float16]]) -> NDArray[np.float32]:
        features = np.stack(pictures).astype(np.float32)
        pooled = self._run(IMAGE_POOL, {"image_features": features, "image_mask": np.ones(len(features), np.uint8)})
        return np.asarray(pooled["product_features"][0], dtype=np.float32)

    def _text_features(self, products: Sequence[LabelledProduct]) -> dict[int, NDArray[np.float32]]:
        learnt = self._bundle.manifest.languages
        texts = {row: read_text(event_of(product), learnt).shown for row, product in enumerate(products)}
        self._encode([text for text in dict.fromkeys(texts.values()) if text and text not in self._texts])
        return {row: self._texts[text] for row, text in texts.items() if text}

    def _encode(self, texts: Sequence[str]) -> None:
        progress = self._progress.of("titles through the text encoder")
        for start in range(0, len(texts), _BATCH_TEXTS):
            batch = texts[start : start + _BATCH_TEXTS]
            tokens = [self._bundle.tokeniser.encode(text) for text in batch]
            answers = self._run(
                TEXT_ENCODER,
                {
                    "input_ids": np.concatenate([encoded.input_ids for encoded in tokens]),
                    "attention_mask": np.concatenate([encoded.attention_mask for encoded in tokens]),
                },
            )
            self._texts.update(zip(batch, np.asarray(answers["text_features"], dtype=np.float32), strict=True))
            progress(start + len(batch), len(texts))
