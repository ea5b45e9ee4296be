# SPDX-License-Identifier: Apache-2.0
"""All that a recipe does with texts: the pruned vocabulary, the tower, its heads, and the vectors it then gives."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from consumer.bundle import Tokeniser, compose_text, read_vocabulary, sha256_of
from triton_models.training.datasets import FASHION_PRODUCT_IMAGES
from triton_models.training.fingerprint import LEARNING_VERSION, fingerprint
from triton_models.training.heads import TaskHeads
from triton_models.training.inputs import event_of
from triton_models.training.labels import load_crosswalk
from triton_models.training.split import Split
from triton_models.training.text_features import text_features
from triton_models.training.text_tower import TEXT_TRUNK_DIM, load_text_trunk
from triton_models.training.text_training import TextTraining, Titles
from triton_models.training.titles import title_words
from triton_models.training.vocabulary import other_words, prune

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from consumer.enrichment.ontology import Ontology
    from triton_models.training.corpus import Corpus
    from triton_models.training.descent import Cost
    from triton_models.training.heads import LinearHead
    from triton_models.training.progress import Progress
    from triton_models.training.recipe import Recipe, Sources


class TextSide:
    """The text tower of one recipe over one corpus."""

    def __init__(self, corpus: Corpus, ontology: Ontology, sources: Sources, recipe: Recipe) -> None:
        """Raises Refused when the BERT weights or a file of words is not there."""
        torch.manual_seed(recipe.seed)
        self._corpus = corpus
        self._recipe = recipe
        self._words = title_words(load_crosswalk(FASHION_PRODUCT_IMAGES))
        full = read_vocabulary(sources.text_model / "vocab.txt")
        titles = (self.text(row) for row in corpus.splits[Split.TRAIN])
        vocabulary = prune(full, [*titles, *other_words(ontology, sources.texts)])
        self.tokeniser = Tokeniser(vocabulary, recipe.text.length)
        self.trunk = load_text_trunk(
            sources.text_model / "model.safetensors",
            full,
            vocabulary,
            length=recipe.text.length,
            layers=recipe.text.layers,
        )
        self._start = sha256_of(sources.text_model / "model.safetensors")
        self._heads = TaskHeads(TEXT_TRUNK_DIM, {space.handle: len(space.labels) for space in corpus.spaces})

    @property
    def heads(self) -> dict[str, LinearHead]:
        """By task, the head over text vectors. One that no title has a label for stays silent: all answers alike."""
        return self._heads.learnt()

    def text(self, row: int) -> str:
        """What the tower reads of a product; empty when its title says nothing."""
        return compose_text(event_of(self._corpus.products[row])).text

    def learn(self, folder: Path, progress: Progress) -> None:
        """Train on the titles of the training split. A killed run goes on from what `folder` holds."""
        training, key = self._training()
        training.run(self._words, folder, key, progress)

    def restore(self, folder: Path) -> Cost:
        """Take over what a finished run left; what it took. Raises Refused where it has not finished."""
        training, key = self._training()
        return training.restore(folder, key)

    def _training(self) -> tuple[TextTraining, str]:
        """With the key of all that its result depends on."""
        rows = [row for row in self._corpus.splits[Split.TRAIN] if self.text(row)]
        products = [self._corpus.products[row] for row in rows]
        targets = self._corpus.targets(rows)
        self._heads.silence(handle for handle, right in targets.items() if not right.any())
        titles = [product.title for product in products]
        seen = (titles, self.tokeniser.vocabulary, asdict(self._words))
        key = fingerprint(LEARNING_VERSION, self._start, asdict(self._recipe.text), self._recipe.seed, seen, targets)
        return TextTraining(self.trunk, self._heads, self.tokeniser, Titles(products, targets), self._recipe), key

    def vectors(self, texts: Sequence[str], progress: Callable[[int, int], None]) -> NDArray[np.float32]:
        """`[n, 384]`."""
        return text_features(self.trunk.eval(), self.tokeniser, texts, progress)
