# SPDX-License-Identifier: Apache-2.0
"""How well a bundle's own files answer on labelled products: the figures that may be quoted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from consumer.bundle import compose_text
from consumer.events import EventType, ProductEvent
from triton_models.export.bundle import id_prefix
from triton_models.export.runtimes import (
    FUSION_HEADS,
    FUSION_HEADS_IMAGE,
    FUSION_HEADS_TEXT,
    IMAGE_ENCODER,
    TEXT_ENCODER,
    OnnxRuntime,
)
from triton_models.training.corpus import hash_photos
from triton_models.training.datasets import PhotoArchive, read_folder
from triton_models.training.features import FeatureCache
from triton_models.training.metrics import TaskMetrics, score
from triton_models.training.split import Split, split_products

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from consumer.bundle import Bundle
    from triton_models.training.datasets import LabelledProduct
    from triton_models.training.labels import Crosswalk
    from triton_models.training.progress import Progress

#: Names of the figures by task. Gender is the three-valued one of the ontology until there is an age group.
TASK_NAMES = {"target-gender": "gender", "category": "article", "color": "colour"}

#: Instead of a split: rows that training never saw.
ALL_ROWS = "all"

_BATCH_TEXTS = 64


class Inputs(StrEnum):
    """What the model is shown of each product."""

    ALL = "all"
    """As served: both where there are both, else the one that is there."""
    PHOTOS_ONLY = "photos-only"
    TITLES_ONLY = "titles-only"
    BLANK_TITLES = "blank-titles"
    """The served path for events with an empty title."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one set of products, and how far they can be trusted."""

    bundle: int
    split: str
    space: str
    n_seen_in_training: int
    skipped: Mapping[str, int]
    """By task, the products that were not scored: no label in the bundle's answers, or nothing to show the model."""
    tasks: Mapping[str, TaskMetrics]

    def as_json(self) -> dict[str, Any]:
        """The printed form."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Answers:
    """Probabilities by task, with the positions of the products that could be answered."""

    rows: tuple[int, ...]
    probabilities: Mapping[str, NDArray[np.float32]]


def event_of(product: LabelledProduct) -> ProductEvent:
    """The product as a vendor would send it: a title and nothing else."""
    return ProductEvent(
        event_id=product.id,
        event_type=EventType.UPSERT,
        vendor_id=product.dataset,
        sku=product.id,
        product_version=1,
        occurred_at=datetime(1970, 1, 1, tzinfo=UTC),
        title=product.title,
    )


class Evaluator:
    """Answers for labelled products by the ONNX files of one bundle."""

    def __init__(self, bundle: Bundle, cache: Path, progress: Progress) -> None:
        self._bundle = bundle
        self._run = OnnxRuntime(bundle.folder)
        self._progress = progress
        self._features = FeatureCache(
            cache, (bundle.folder / f"{IMAGE_ENCODER}.onnx").read_bytes(), bundle.manifest.side
        )

    def answer(self, products: Sequence[LabelledProduct], inputs: Inputs) -> Answers:
        """What the served model would say of each product that has something to show."""
        images = {} if inputs is Inputs.TITLES_ONLY else self._image_features(products)
        texts = self._text_features(products) if inputs in {Inputs.ALL, Inputs.TITLES_ONLY} else {}
        parts = [
            self._heads(FUSION_HEADS, sorted(images.keys() & texts.keys()), image_features=images, text_features=texts),
            self._heads(FUSION_HEADS_IMAGE, sorted(images.keys() - texts.keys()), image_features=images),
            self._heads(FUSION_HEADS_TEXT, sorted(texts.keys() - images.keys()), text_features=texts),
        ]
        answered = [part for part in parts if part.rows]
        return Answers(
            rows=tuple(row for part in answered for row in part.rows),
            probabilities={
                task.handle: np.concatenate([part.probabilities[task.handle] for part in answered])
                for task in self._bundle.manifest.tasks
            }
            if answered
            else {},
        )

    def _heads(self, graph: str, rows: Sequence[int], **features: Mapping[int, NDArray[np.float32]]) -> Answers:
        if not rows:
            return Answers((), {})
        inputs = {name: np.stack([vectors[row] for row in rows]) for name, vectors in features.items()}
        answers = self._run(graph, inputs)
        handles = [task.handle for task in self._bundle.manifest.tasks]
        return Answers(tuple(rows), {handle: np.asarray(answers[handle], dtype=np.float32) for handle in handles})

    def _image_features(self, products: Sequence[LabelledProduct]) -> dict[int, NDArray[np.float32]]:
        photos = {row: product.photo for row, product in enumerate(products) if product.photo is not None}
        with PhotoArchive() as archive:
            hashes = archive.hashes(photos.values())
            vectors = self._features.compute(
                archive, hashes, list(photos.values()), self._progress.of("photos through the image encoder")
            )
        return {row: vectors[photo].astype(np.float32) for row, photo in photos.items() if photo in vectors}

    def _text_features(self, products: Sequence[LabelledProduct]) -> dict[int, NDArray[np.float32]]:
        texts = {row: compose_text(event_of(product)).text for row, product in enumerate(products)}
        rows = [row for row, text in texts.items() if text]
        tokens = [self._bundle.tokeniser.encode(texts[row]) for row in rows]
        progress = self._progress.of("titles through the text encoder")
        vectors: dict[int, NDArray[np.float32]] = {}
        for start in range(0, len(rows), _BATCH_TEXTS):
            batch = tokens[start : start + _BATCH_TEXTS]
            answers = self._run(
                TEXT_ENCODER,
                {
                    "input_ids": np.concatenate([encoded.input_ids for encoded in batch]),
                    "attention_mask": np.concatenate([encoded.attention_mask for encoded in batch]),
                },
            )
            features = np.asarray(answers["text_features"], dtype=np.float32)
            vectors.update(zip(rows[start : start + _BATCH_TEXTS], features, strict=True))
            progress(start + len(batch), len(rows))
        return vectors


def evaluate(
    bundle: Bundle, products: Sequence[LabelledProduct], answers: Answers, crosswalk: Crosswalk, split: str
) -> Evaluation:
    """Score the answers at full coverage, in the bundle's own label spaces."""
    tasks, skipped = {}, {}
    for task in bundle.manifest.tasks:
        columns = {label: column for column, label in enumerate(task.labels)}
        words = [crosswalk.words(products[row]).get(task.handle) for row in answers.rows]
        scored = [position for position, word in enumerate(words) if word in columns]
        name = TASK_NAMES[task.handle]
        skipped[name] = len(products) - len(scored)
        if scored:
            truth = np.array([columns[str(words[position])] for position in scored])
            tasks[name] = score(answers.probabilities[task.handle][scored], truth)
    return Evaluation(bundle.manifest.bundle, split, "ours", count_seen(bundle, products), skipped, tasks)


def count_seen(bundle: Bundle, products: Sequence[LabelledProduct]) -> int:
    """How many of the products the bundle has learnt from, by `training_ids.bin`."""
    raw = (bundle.folder / "training_ids.bin").read_bytes()
    seen = {raw[start : start + 8] for start in range(0, len(raw), 8)}
    return sum(id_prefix(product.dataset, product.id) in seen for product in products)


def select_products(folder: Path, split: str) -> tuple[LabelledProduct, ...]:
    """The products of one split; `all` takes every row and needs neither groups nor hashes. Raises Refused."""
    products = read_folder(folder).products
    if split == ALL_ROWS:
        return products
    return tuple(products[row] for row in split_products(products, hash_photos(products))[Split(split)])
