# SPDX-License-Identifier: Apache-2.0
"""Photos taken at home, judged by towers that never saw their senders: five-fold cross-validation.

A share of the split has a few dozen senders, and the largest sends one photo in ten: one split says little. Here every
photo is judged once. Each fold starts from the tower that has seen the catalogue alone, and learns from the others.
"""

from __future__ import annotations

import copy
import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from triton_models.training.datasets import CLOTHING_DATASET
from triton_models.training.metrics import Share
from triton_models.training.spaces import load_space
from triton_models.training.split import families

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from consumer.enrichment.ontology import Ontology
    from triton_models.training.corpus import Corpus
    from triton_models.training.image_side import ImageSide
    from triton_models.training.progress import Progress
    from triton_models.training.recipe import ImageStage

FOLDS = 5
_DRAWS = 2_000
_TASK = "article"


@dataclass(frozen=True, slots=True)
class Judged:
    """A photo that its fold's tower had not seen."""

    sender: str
    truth: str
    answer: str


class CrossValidation:
    """Of one tower over the ten classes of clothing-dataset."""

    def __init__(self, corpus: Corpus, ontology: Ontology, side: ImageSide) -> None:
        """`side` is as it is before it has seen any of the photos."""
        self._corpus = corpus
        self._side = side
        self._rows = [row for row, product in enumerate(corpus.products) if product.dataset == CLOTHING_DATASET]
        questions = load_space("ours", CLOTHING_DATASET, ontology).questions
        (self._question,) = (question for question in questions if question.task == _TASK)

    def run(self, stage: ImageStage, folder: Path, progress: Progress) -> tuple[Judged, ...]:
        """Every photo, answered once. A killed run goes on from the checkpoints in `folder`.

        `stage`: how each fold learns. The side is afterwards as it was.
        """
        fold_of = self._folds()
        before = copy.deepcopy(self._side.state())
        judged: list[Judged] = []
        for fold in range(FOLDS):
            self._side.load_state(before)
            learnt, asked = ([row for row in self._rows if (fold_of[row] == fold) is is_in] for is_in in (False, True))
            self._side.learn_from(learnt, (stage,), folder, progress)
            judged += self._judge(asked, progress)
        self._side.load_state(before)
        return tuple(judged)

    def _folds(self) -> dict[int, int]:
        """By product, its fold; senders that share a photo are in one."""
        names = families([self._corpus.products[row] for row in self._rows], self._corpus.photo_hashes)
        digests = (hashlib.sha256(name.encode()).digest() for name in names)
        return {row: int.from_bytes(digest[:8], "big") % FOLDS for row, digest in zip(self._rows, digests, strict=True)}

    def _judge(self, rows: Sequence[int], progress: Progress) -> list[Judged]:
        question = self._question
        known = [row for row in rows if question.truth(self._corpus.products[row])]
        vectors = self._side.vectors(known, progress.of("photos that were left out"))
        if not vectors:  # so few senders that the fold has none
            return []
        features = np.stack([*vectors.values()])
        chosen = {handle: self._side.heads[handle].probabilities(features) for handle in question.handles}
        labels = {space.handle: space.labels for space in self._corpus.spaces}
        answers = question.answer(labels, chosen).argmax(1)
        products = [self._corpus.products[row] for row in vectors]
        return [
            Judged(product.group, str(question.truth(product)), question.values[answer])
            for product, answer in zip(products, answers, strict=True)
        ]


def share_by_sender(judged: Sequence[Judged]) -> Share:
    """The share of right answers; the interval is a bootstrap over senders, whose photos resemble each other."""
    by_sender: defaultdict[str, list[bool]] = defaultdict(list)
    for photo in judged:
        by_sender[photo.sender].append(photo.answer == photo.truth)
    right = np.array([sum(photos) for photos in by_sender.values()])
    sizes = np.array([len(photos) for photos in by_sender.values()])
    draws = np.random.default_rng(1).integers(0, len(sizes), (_DRAWS, len(sizes)))
    shares = right[draws].sum(1) / sizes[draws].sum(1)
    low, high = np.percentile(shares, [2.5, 97.5])
    return Share(float(right.sum() / sizes.sum()), int(sizes.sum()), (float(low), float(high)))
