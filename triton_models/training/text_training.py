# SPDX-License-Identifier: Apache-2.0
"""Teaching the text tower: descent over the titles of the training split, some of them changed each time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from consumer.bundle import compose_text
from triton_models.training.descent import Checkpoint, Descent, Schedule
from triton_models.training.inputs import event_of
from triton_models.training.losses import summed_loss
from triton_models.training.titles import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from consumer.bundle import Tokeniser
    from triton_models.training.datasets import LabelledProduct
    from triton_models.training.descent import Cost
    from triton_models.training.heads import TaskHeads
    from triton_models.training.progress import Progress
    from triton_models.training.recipe import Recipe, TitleRecipe
    from triton_models.training.text_tower import TextTrunk
    from triton_models.training.titles import TitleWords

#: Batches among which titles are dealt by length: equal lengths together need less padding.
_SORTED_BATCHES = 32


@dataclass(frozen=True, slots=True)
class Titles:
    """What the text tower learns from, by position of the product."""

    products: Sequence[LabelledProduct]
    targets: Mapping[str, NDArray[np.bool_]]
    """By task, the right columns."""


class TitleChanges:
    """Texts as vendors might have written them: with words missing, useless, or in another field."""

    def __init__(self, products: Sequence[LabelledProduct], words: TitleWords, recipe: TitleRecipe) -> None:
        self._products = products
        self._words = words
        self._recipe = recipe

    def texts(self, products: Sequence[LabelledProduct], random: np.random.Generator) -> list[str]:
        """The composed texts of a batch, changed or not; none is empty."""
        # All of a batch or none: a single long text would cost as much as if all were long.
        if random.random() < self._recipe.described:
            return [self._described(product, random) for product in products]
        return [self._changed(product, random) for product in products]

    def _changed(self, product: LabelledProduct, random: np.random.Generator) -> str:
        chance = random.random() - self._recipe.junk
        if chance < 0:
            return self._junk(random)
        if chance < self._recipe.words_deleted:
            kinds = frozenset(kind for kind in sorted(KINDS) if random.random() < 0.5)  # noqa: PLR2004  # even chance
            product = replace(product, title=self._words.strip(product.title, kinds))
        return compose_text(event_of(product)).text or self._junk(random)

    def _described(self, product: LabelledProduct, random: np.random.Generator) -> str:
        event = replace(event_of(product), title=_stock_number(random), description=product.title)
        return compose_text(event).text

    def _junk(self, random: np.random.Generator) -> str:
        other = self._products[int(random.integers(len(self._products)))]
        words = self._words.strip(other.title) if random.random() < 0.5 else ""  # noqa: PLR2004  # even chance
        return words or _stock_number(random)


class TextTraining:
    """A trunk and its heads on the way from sentences to product titles."""

    def __init__(
        self, trunk: TextTrunk, heads: TaskHeads, tokeniser: Tokeniser, titles: Titles, recipe: Recipe
    ) -> None:
        self._trunk = trunk
        self._heads = heads
        self._tokeniser = tokeniser
        self._titles = titles
        self._recipe = recipe.text
        self._seed = recipe.seed
        self._dropout = nn.Dropout(recipe.text.dropout)
        self._right = [torch.from_numpy(right) for right in titles.targets.values()]
        self._lengths = np.array([len(tokeniser.pieces(product.title)) for product in titles.products])
        self._per_epoch = -(-len(titles.products) // recipe.text.batch)
        self._epoch = lru_cache(maxsize=1)(self._plan)

    def run(self, words: TitleWords, folder: Path, key: str, progress: Progress) -> None:
        """Learn. A killed run goes on from the checkpoint in `folder`."""
        changes = TitleChanges(self._titles.products, words, self._recipe.titles)

        def loss(step: int) -> Tensor:
            return self._loss(self._rows(step), changes, np.random.default_rng((self._seed, step)))

        self._descent(folder, key).run(loss, progress.of("text tower"))

    def restore(self, folder: Path, key: str) -> Cost:
        """Load what it left; what it took. Raises Refused where it has not finished."""
        return self._descent(folder, key).restore()

    def _descent(self, folder: Path, key: str) -> Descent:
        return Descent(
            module=nn.ModuleList([self._trunk, self._heads]),
            rates=[
                (self._recipe.trunk_rate, self._trunk.parameters()),
                (self._recipe.head_rate, self._heads.parameters()),
            ],
            schedule=Schedule(max(1, round(self._recipe.epochs * self._per_epoch))),
            decay=self._recipe.decay,
            seed=self._seed,
            checkpoint=Checkpoint.of("text", key, folder),
        )

    def _loss(self, rows: NDArray[np.int64], changes: TitleChanges, random: np.random.Generator) -> Tensor:
        texts = changes.texts([self._titles.products[row] for row in rows], random)
        vectors = self._dropout(self._trunk(*as_batch(self._tokeniser, texts)))
        right = [right[rows] for right in self._right]
        return summed_loss(self._heads(vectors), right, self._recipe.smoothing)

    def _rows(self, step: int) -> NDArray[np.int64]:
        epoch, position = divmod(step, self._per_epoch)
        return self._epoch(epoch)[position]

    def _plan(self, epoch: int) -> list[NDArray[np.int64]]:
        """Batches of titles of about one length, in any order."""
        random = np.random.default_rng((self._seed, epoch))
        order = random.permutation(len(self._lengths))
        span = self._recipe.batch * _SORTED_BATCHES
        parts = [order[start : start + span] for start in range(0, len(order), span)]
        order = np.concatenate([part[np.argsort(self._lengths[part], kind="stable")] for part in parts])
        batches = np.array_split(order, self._per_epoch)
        return [batches[index] for index in random.permutation(len(batches))]


def as_batch(tokeniser: Tokeniser, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Ids and mask of some texts, padded to the longest of them: more padding changes nothing but the time."""
    tokens = [tokeniser.encode(text) for text in texts]
    ids, mask = (
        np.concatenate([getattr(encoded, name) for encoded in tokens]) for name in ("input_ids", "attention_mask")
    )
    longest = int(mask.sum(1).max())
    return torch.from_numpy(ids[:, :longest]), torch.from_numpy(mask[:, :longest])


def _stock_number(random: np.random.Generator) -> str:
    letters = "".join(random.choice(list("ABCDEFGHKLMNPRSTVX"), 3))
    return f"{letters}-{random.integers(1_000, 99_999)}"
