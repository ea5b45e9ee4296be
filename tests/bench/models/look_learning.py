# SPDX-License-Identifier: Apache-2.0
"""One dense part for each way to show photos, on what the frozen trunk sees of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from consumer.enrichment.ontology import Ontology
from tests.bench.models import tables
from tests.bench.models.looks import AS_LEARNT, LOOKS, name_of
from triton_models.training.corpus import read_corpus
from triton_models.training.dense_training import answers, learn_dense
from triton_models.training.fingerprint import fingerprint
from triton_models.training.frozen_rows import RowReader, learnable, lies_in
from triton_models.training.image_tower import load_image_trunk
from triton_models.training.page import table_lines
from triton_models.training.split import Split, families
from triton_models.training.train import ONTOLOGY
from triton_models.training.views import ViewCache

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.bench.models.learning import Asked
    from tests.bench.models.looks import Picture
    from triton_models.training.corpus import Corpus
    from triton_models.training.dense_training import Answered, DenseRecipe
    from triton_models.training.image_tower import ImageTrunk
    from triton_models.training.progress import Progress
    from triton_models.training.recipe import Recipe, Sources

_BATCH_PHOTOS = 64


class LookFeatures:
    """Features of the pictures of one look; those of each picture are kept in a file of their own."""

    def __init__(self, look: Sequence[Picture], trunk: ImageTrunk, folder: Path) -> None:
        """`folder` is made where there is none."""
        folder.mkdir(parents=True, exist_ok=True)
        self._look = look
        self._trunk = trunk
        self._folder = folder

    def of(
        self,
        pixels: NDArray[np.uint8],
        shown: Sequence[int],
        hashes: Sequence[str],
        progress: Callable[[int, int], None],
    ) -> NDArray[np.float16]:
        """`[n, pictures x dim]` of the rows `shown` of `pixels`; `hashes` names the photos."""
        parts = []
        for picture in self._look:
            path = self._folder / f"{fingerprint(picture.name, pixels.shape[1:], list(hashes))[:16]}.npy"
            if not path.exists():
                np.save(path, self._seen(picture, pixels, shown, progress))
            parts.append(np.load(path))
        return np.concatenate(parts, 1)

    def _seen(
        self,
        picture: Picture,
        pixels: NDArray[np.uint8],
        shown: Sequence[int],
        progress: Callable[[int, int], None],
    ) -> NDArray[np.float16]:
        seen = []
        with torch.inference_mode():
            for start in range(0, len(shown), _BATCH_PHOTOS):
                views = torch.from_numpy(pixels[list(shown[start : start + _BATCH_PHOTOS])])
                levels = picture.of(views.permute(0, 1, 4, 2, 3).to(torch.float32))
                seen.append(self._trunk.view(levels.contiguous(memory_format=torch.channels_last)))
                progress(min(start + _BATCH_PHOTOS, len(shown)), len(shown))
        return torch.cat(seen).to(torch.float16).numpy()


def report(sources: Sources, recipe: Recipe, dense: DenseRecipe, asked: Asked, progress: Progress) -> list[str]:
    """A row for each look: its differences to the recipe's, of the same products of the validation split.

    `sources` names the catalogue alone.
    """
    corpus = _part_of(read_corpus(sources.data, Ontology.load(ONTOLOGY)), asked.share)
    views = ViewCache(asked.cache / "views", recipe.side)
    trunk = load_image_trunk(recipe.image.backbone, sources.mobilenet_v2, frozen=0).eval()
    found: dict[str, dict[str, Answered]] = {}
    for look in (AS_LEARNT, *LOOKS):
        features = LookFeatures(look, trunk, asked.cache / "frozen" / "looks")
        found[name_of(look)] = _learnt(RowReader(corpus, views, features, progress), dense, asked.cache, progress)
    base = found.pop(name_of(AS_LEARNT))
    learnt_from = len(corpus.splits[Split.TRAIN])
    title = f"Photos shown otherwise: learnt from {learnt_from:,} products, {dense.epochs:g} passes"
    return [title, "", *table_lines(tables.choices(base, found))]


def _part_of(corpus: Corpus, share: float) -> Corpus:
    family = families(corpus.products, corpus.photo_hashes)
    training = tuple(row for row in corpus.splits[Split.TRAIN] if lies_in(share, family[row]))
    return replace(corpus, splits={**corpus.splits, Split.TRAIN: training})


def _learnt(reader: RowReader, dense: DenseRecipe, cache: Path, progress: Progress) -> dict[str, Answered]:
    training, judged = reader.read(Split.TRAIN), reader.read(Split.VALIDATION)
    tasks = learnable(training, judged=judged)
    model = learn_dense(training.of_tasks(tasks), dense, cache / "frozen" / "runs", progress.of("the dense part"))
    return answers(model, judged.of_tasks(tasks))
