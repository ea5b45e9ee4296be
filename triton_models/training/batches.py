# SPDX-License-Identifier: Apache-2.0
"""Which products each step of training sees.

Data sets are mixed by a power of their size. Products with equal labels lie side by side in part of the rows, so that
their pictures can be pooled as if they were several of one product: the data has one each.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one step, and which of them make one more example when they are pooled."""

    rows: NDArray[np.int64]
    alike: tuple[range, ...]
    """Positions in `rows` of products with equal labels."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """How batches are drawn."""

    size: int
    exponent: float = 0.5
    """A data set of n rows is drawn with p ~ n^exponent, then a row of it."""
    alike_share: float = 0.3
    """Runs of rows that are longer than one, where there are rows with equal labels."""
    max_alike: int = 1
    """Longest run; 1 = nothing is pooled."""
    seed: int = 1


class Batches:
    """Batches by step number. An epoch ends when the largest data set has been seen once; the others cycle."""

    def __init__(self, datasets: Mapping[str, Sequence[int]], keys: Mapping[int, bytes], how: Mixture) -> None:
        """`datasets`: rows by data set, of which one has some. `keys`: rows of equal key have equal labels."""
        self._datasets = {name: np.array(rows, dtype=np.int64) for name, rows in sorted(datasets.items()) if len(rows)}
        self._keys = keys
        self._how = how
        largest = max(len(rows) for rows in self._datasets.values())
        self._draws = {
            name: round(largest * (len(rows) / largest) ** how.exponent) for name, rows in self._datasets.items()
        }
        self.per_epoch = -(-sum(self._draws.values()) // how.size)
        self._epoch = lru_cache(maxsize=1)(self._plan)

    def at(self, step: int) -> Batch:
        """The batch of a step, whatever came before."""
        epoch, position = divmod(step, self.per_epoch)
        batch: Batch = self._epoch(epoch)[position]
        return batch

    def _plan(self, epoch: int) -> list[Batch]:
        random = np.random.default_rng((self._how.seed, epoch))
        runs = [run for name in self._datasets for run in self._runs(self._draw(name, random), random)]
        runs = [runs[index] for index in random.permutation(len(runs))]
        rows = np.concatenate(runs)
        starts = np.cumsum([0, *map(len, runs)])
        ends = np.linspace(0, len(rows), self.per_epoch + 1).round().astype(int)
        return [Batch(rows[start:end], _inside(starts, start, end)) for start, end in pairwise(ends)]

    def _draw(self, name: str, random: np.random.Generator) -> NDArray[np.int64]:
        rows, wanted = self._datasets[name], self._draws[name]
        passes: list[NDArray[np.int64]] = [random.permutation(rows) for _ in range(-(-wanted // len(rows)))]
        return np.concatenate(passes)[:wanted]

    def _runs(self, rows: NDArray[np.int64], random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        alike: defaultdict[bytes, list[int]] = defaultdict(list)
        for row in rows.tolist():
            alike[self._keys[row]].append(row)
        longest = self._how.max_alike
        for group in alike.values():
            start = 0
            while start < len(group):
                is_long = longest > 1 and random.random() < self._how.alike_share
                length = int(random.integers(2, longest + 1)) if is_long else 1
                yield np.array(group[start : start + length])
                start += length


def _inside(starts: NDArray[np.int64], first: int, end: int) -> tuple[range, ...]:
    """The runs of two rows or more between `first` and `end`, counted from `first`; a batch's edge may cut them."""
    cuts = np.unique(np.clip(starts, first, end)) - first
    return tuple(range(start, stop) for start, stop in pairwise(cuts.tolist()) if stop - start > 1)
