# SPDX-License-Identifier: Apache-2.0
"""Products of a split with the frozen trunk's features of their first photo, and parts of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from triton_models.training.split import families

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from triton_models.training.corpus import Corpus
    from triton_models.training.progress import Progress
    from triton_models.training.split import Split
    from triton_models.training.views import ViewCache

#: Changing it deals all families anew.
_SALT = "hangtag/share/1"


@dataclass(frozen=True, slots=True)
class FrozenRows:
    """Labelled products as a dense part sees them."""

    features: NDArray[np.float16]
    """`[n, D]`."""
    datasets: tuple[str, ...]
    """The data set of each."""
    families: tuple[str, ...]
    """The family of each: products that show or say the same."""
    targets: Mapping[str, NDArray[np.bool_]]
    """By task, the right columns `[n, K]`."""

    def __len__(self) -> int:
        return len(self.features)

    def of_tasks(self, handles: Iterable[str]) -> FrozenRows:
        """The same products, asked these tasks alone."""
        targets = {handle: self.targets[handle] for handle in handles}
        return FrozenRows(self.features, self.datasets, self.families, targets)

    def share(self, share: float) -> FrozenRows:
        """About this share of the products, whole families; a smaller share lies within a larger one."""
        rows = [row for row, family in enumerate(self.families) if lies_in(share, family)]
        return FrozenRows(
            self.features[rows],
            tuple(self.datasets[row] for row in rows),
            tuple(self.families[row] for row in rows),
            {handle: right[rows] for handle, right in self.targets.items()},
        )


class SeesPhotos(Protocol):
    """What gives features of photos; `TrunkFeatures` is one."""

    def of(
        self,
        pixels: NDArray[np.uint8],
        shown: Sequence[int],
        hashes: Sequence[str],
        progress: Callable[[int, int], None],
    ) -> NDArray[np.float16]:
        """`[n, D]` of the rows `shown` of `pixels` `[v, 2, side, side, 3]`; `hashes` names the photos."""
        ...


class RowReader:
    """Reads the rows of one corpus."""

    def __init__(self, corpus: Corpus, views: ViewCache, features: SeesPhotos, progress: Progress) -> None:
        """Decodes what the cache of views lacks."""
        self._corpus = corpus
        self._features = features
        self._progress = progress
        self._families = families(corpus.products, corpus.photo_hashes)
        views.see(corpus.photo_hashes, progress)
        self._pixels = views.pixels()
        self._shown = views.rows(corpus.photo_hashes.values())

    def read(self, split: Split) -> FrozenRows:
        """Those of a split whose first photo can be decoded, in the corpus's order."""
        products, hashes = self._corpus.products, self._corpus.photo_hashes
        shown = {
            row: hashes[photo]
            for row in self._corpus.splits[split]
            if (photo := products[row].photo) and hashes[photo] in self._shown
        }
        return FrozenRows(
            features=self._features.of(
                self._pixels,
                [self._shown[digest] for digest in shown.values()],
                [*shown.values()],
                self._progress.of(f"{split} photos through the frozen trunk"),
            ),
            datasets=tuple(products[row].dataset for row in shown),
            families=tuple(self._families[row] for row in shown),
            targets=self._corpus.targets([*shown]),
        )


def learnable(rows: FrozenRows, *, judged: FrozenRows) -> Sequence[str]:
    """The tasks that `rows` hold labels of at least two answers of, and `judged` of any."""
    return [
        handle
        for handle, right in rows.targets.items()
        if (right[right.sum(1) == 1].any(0)).sum() > 1 and judged.targets[handle].any()
    ]


def lies_in(share: float, family: str) -> bool:
    """Whether a family is among this share of them, from 0 to 1; nothing to do with the split."""
    position = int.from_bytes(hashlib.sha256(f"{_SALT}/{family}".encode()).digest()[:8], "big") / 2**64
    return position < share
