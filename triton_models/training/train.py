# SPDX-License-Identifier: Apache-2.0
"""From a data folder to a sealed bundle, in one call."""

from __future__ import annotations

import csv
import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from consumer.bundle import (
    Thresholds,
    Tokeniser,
    compose_text,
    load_bundle,
    read_vocabulary,
    write_thresholds,
)
from consumer.enrichment.ontology import Ontology
from consumer.errors import Refused
from triton_models.export.bundle import Trained, seal, write_graphs, write_training_ids
from triton_models.export.onnx import to_onnx
from triton_models.training.calibrate import (
    CalibrationSet,
    judge,
    pick_thresholds,
    require_calibration_rows,
    with_temperature,
)
from triton_models.training.card import Cost, measure, write_report
from triton_models.training.corpus import read_corpus
from triton_models.training.datasets import FASHION_PRODUCT_IMAGES, PhotoArchive
from triton_models.training.evaluate import Evaluator, event_of
from triton_models.training.features import FeatureCache
from triton_models.training.image_tower import load_image_trunk
from triton_models.training.labels import load_crosswalk
from triton_models.training.model import Model, TrainingRows, fit_model
from triton_models.training.split import Split
from triton_models.training.text_features import text_features
from triton_models.training.text_tower import load_text_trunk
from triton_models.training.titles import title_words
from triton_models.training.vocabulary import lexicon, prune

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from consumer.bundle import Head
    from triton_models.training.model import Heads
    from triton_models.training.progress import Progress
    from triton_models.training.recipe import Recipe, Sources

Features = dict["Head", "NDArray[np.float32]"]

ONTOLOGY = "v1"
#: What the heads of the first recipe answer.
HANDLES = ("category", "target-gender", "color")


class Trainer:
    """One run: what every step needs, read once. Minutes on two cores; all chance comes from the recipe's seed."""

    def __init__(self, sources: Sources, recipe: Recipe, cache: Path, progress: Progress) -> None:
        """Reads, splits and labels the data. Raises Refused when something is not there."""
        self._sources = sources
        self._recipe = recipe
        self._cache = cache
        self._progress = progress
        self._features_computed = 0
        self._ontology = Ontology.load(ONTOLOGY)
        self._crosswalk = load_crosswalk(FASHION_PRODUCT_IMAGES)
        self._corpus = read_corpus([sources.data], self._ontology, HANDLES)
        self._full_vocabulary = read_vocabulary(sources.text_model / "vocab.txt")
        vocabulary = self._pruned_vocabulary()
        self._tokeniser = Tokeniser(vocabulary, recipe.text_length)
        self._image_trunk = load_image_trunk(sources.image_weights)
        self._text_trunk = load_text_trunk(
            sources.text_model / "model.safetensors",
            self._full_vocabulary,
            vocabulary,
            length=recipe.text_length,
            layers=recipe.text_layers,
        )

    def run(self, out: Path) -> None:
        """Train, calibrate, export and measure into an empty folder. Raises Refused when it is not empty."""
        started = time.monotonic()
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise Refused(f"{out} is not empty; a bundle is written as a whole")
        rows: dict[Split, list[int]] = {split: self._with_photo(split) for split in Split if split is not Split.TEST}
        images = self._image_features([row for part in rows.values() for row in part])
        calibrated = self._calibrate(self._fit(rows[Split.TRAIN], images), rows, images)
        vocabulary = self._tokeniser.vocabulary
        trained = Trained(self._image_trunk, self._text_trunk, calibrated, self._corpus.spaces, vocabulary)
        write_graphs(trained, self._recipe, out)
        write_thresholds(out / "thresholds.json", self._thresholds(calibrated, rows[Split.CALIBRATION], images))
        # Validation and calibration rows chose and tuned, so they count as seen.
        learnt_from = (row for split, part in self._corpus.splits.items() if split is not Split.TEST for row in part)
        write_training_ids(
            out / "training_ids.bin", FASHION_PRODUCT_IMAGES, (self._corpus.products[row].id for row in learnt_from)
        )
        (out / "metrics.json").write_text("{}\n", encoding="utf-8")
        (out / "model_card.md").write_text("\n", encoding="utf-8")
        seal(out, trained, self._recipe, self._ontology)
        # Quoted figures are those of the files as they are shipped.
        bundle = load_bundle(out)
        evaluator = Evaluator(bundle, self._cache, self._progress)
        measured = measure(bundle, self._corpus, self._crosswalk, evaluator)
        cost = Cost(
            time.monotonic() - started,
            photos=len(rows[Split.TRAIN]),
            titles=len(self._corpus.splits[Split.TRAIN]),
            features_computed=self._features_computed,
        )
        write_report(out, bundle, measured, cost)
        seal(out, trained, self._recipe, self._ontology)

    def _pruned_vocabulary(self) -> tuple[str, ...]:
        try:
            with self._sources.colour_names.open(encoding="utf-8", newline="") as file:
                colours = [row[0] for row in csv.reader(file)]
        except OSError as error:
            raise Refused(f"{self._sources.colour_names} cannot be read: colour names for the vocabulary") from error
        titles = (self._text(row) for row in self._corpus.splits[Split.TRAIN])
        return prune(self._full_vocabulary, [*titles, *lexicon(self._ontology, colours)])

    def _text(self, row: int) -> str:
        return compose_text(event_of(self._corpus.products[row])).text

    def _with_photo(self, split: Split) -> list[int]:
        """Rows with a photo and a title, in an order that has nothing to do with the file's; training may be capped."""
        rows = [row for row in self._corpus.splits[split] if self._corpus.products[row].photo and self._text(row)]
        rows.sort(key=lambda row: hashlib.sha256(self._corpus.products[row].id.encode()).digest())
        return rows[: self._recipe.training_photos] if split is Split.TRAIN else rows

    def _image_features(self, rows: Sequence[int]) -> dict[int, NDArray[np.float16]]:
        side = self._recipe.side
        example = torch.zeros((2, 2, side, side, 3), dtype=torch.uint8)
        trunk = to_onnx(self._image_trunk, {"images": example}, ["image_features"]).SerializeToString()
        photos = {row: photo for row in rows if (photo := self._corpus.products[row].photo)}
        with PhotoArchive() as archive:
            features = FeatureCache(self._cache, trunk, side)
            vectors = features.compute(
                archive, self._corpus.photo_hashes, list(photos.values()), self._progress.of("image features")
            )
        self._features_computed += features.computed
        return {row: vectors[photo] for row, photo in photos.items() if photo in vectors}

    def _text_features(self, texts: Sequence[str], step: str) -> NDArray[np.float32]:
        return text_features(self._text_trunk, self._tokeniser, texts, self._progress.of(step))

    def _fit(self, image_rows: Sequence[int], images: Mapping[int, NDArray[np.float16]]) -> Model:
        image_rows = [row for row in image_rows if row in images]
        text_rows = [row for row in self._corpus.splits[Split.TRAIN] if self._text(row)]
        words = title_words(self._crosswalk)
        titles = [self._text(row) for row in text_rows]
        position = {row: index for index, row in enumerate(text_rows)}
        return fit_model(
            TrainingRows(
                image=np.stack([images[row] for row in image_rows]),
                text=self._text_features(titles, "title features"),
                bare_text=self._text_features([words.strip(title) for title in titles], "features of bare titles"),
                image_rows=[position[row] for row in image_rows],
                image_targets=self._corpus.targets(image_rows),
                text_targets=self._corpus.targets(text_rows),
            ),
            self._recipe,
        )

    def _features(self, model: Model, rows: Sequence[int], images: Mapping[int, NDArray[np.float16]]) -> Features:
        """What each kind of head sees of these rows."""
        image = model.image_projection(np.stack([images[row] for row in rows]))
        text = model.text_projection(self._text_features([self._text(row) for row in rows], "title features"))
        return {"image": image, "text": text, "fused": np.hstack([image, text])}

    def _calibrate(
        self, model: Model, rows: Mapping[Split, Sequence[int]], images: Mapping[int, NDArray[np.float16]]
    ) -> Model:
        sets = {}
        for split in (Split.CALIBRATION, Split.VALIDATION):
            usable = [row for row in rows[split] if row in images]
            right = self._corpus.targets(usable)
            sets[split] = {
                kind: {handle: CalibrationSet(features, right[handle]) for handle in right}
                for kind, features in self._features(model, usable, images).items()
            }
        heads: Heads = {
            kind: {
                handle: with_temperature(
                    head, sets[Split.CALIBRATION][kind][handle], sets[Split.VALIDATION][kind][handle]
                )
                for handle, head in tasks.items()
            }
            for kind, tasks in model.heads.items()
        }
        return replace(model, heads=heads)

    def _thresholds(self, model: Model, rows: Sequence[int], images: Mapping[int, NDArray[np.float16]]) -> Thresholds:
        usable = [row for row in rows if row in images]
        require_calibration_rows(usable, self._corpus.splits)
        features = self._features(model, usable, images)
        return Thresholds(
            version=str(self._recipe.bundle),
            tasks={
                space.handle: {
                    kind: pick_thresholds(
                        judge(
                            space.labels,
                            model.heads[kind][space.handle].probabilities(features[kind]),
                            self._corpus.words_of(space.handle, usable),
                            self._published_value(space.handle),
                        )
                    )
                    for kind in features
                }
                for space in self._corpus.spaces
            },
        )

    def _published_value(self, handle: str) -> Callable[[str], str]:
        """Shades are published under their family, everything else as it is."""
        return self._ontology.attribute(handle).family_of if handle == "color" else str
