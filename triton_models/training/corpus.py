# SPDX-License-Identifier: Apache-2.0
"""The labelled products of one training run: split, with their ontology words and the answers the heads may give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triton_models.training.datasets import PhotoArchive, read_products
from triton_models.training.labels import label_spaces
from triton_models.training.split import Split, split_products

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from consumer.enrichment.ontology import Ontology
    from triton_models.training.datasets import LabelledProduct, Photo
    from triton_models.training.labels import Crosswalk, LabelSpace


@dataclass(frozen=True, slots=True)
class Corpus:
    """Products by position, everything else refers to these positions."""

    products: tuple[LabelledProduct, ...]
    photo_hashes: Mapping[Photo, str]
    splits: Mapping[Split, tuple[int, ...]]
    spaces: tuple[LabelSpace, ...]
    words: Mapping[str, tuple[str | None, ...]]
    """By task, the ontology word of each product; None is a missing label."""

    def targets(self, rows: Sequence[int]) -> dict[str, NDArray[np.bool_]]:
        """By task, the right columns of these products."""
        return {space.handle: space.targets([self.words[space.handle][row] for row in rows]) for space in self.spaces}

    def words_of(self, handle: str, rows: Sequence[int]) -> list[str | None]:
        """The ontology words of these products."""
        return [self.words[handle][row] for row in rows]


def read_corpus(folder: Path, ontology: Ontology, crosswalk: Crosswalk) -> Corpus:
    """Read, split and label all products of a folder. Raises Refused when it has not the data set's shape."""
    products = read_products(folder)
    with PhotoArchive(folder) as archive:
        photo_hashes = archive.hashes(photo for product in products for photo in product.photos)
    splits = split_products(products, photo_hashes)
    spaces = label_spaces(ontology, crosswalk, [products[row] for row in splits[Split.TRAIN]])
    words = {space.handle: tuple(crosswalk.value(space.handle, product) for product in products) for space in spaces}
    return Corpus(products, photo_hashes, splits, spaces, words)
