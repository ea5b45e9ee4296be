# SPDX-License-Identifier: Apache-2.0
"""The labelled products of all data sets together: one split, their ontology words, the answers heads may give."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triton_models.training.datasets import PhotoArchive, read_folder
from triton_models.training.labels import FLOORS, label_spaces, load_crosswalk
from triton_models.training.split import Split, split_products

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from consumer.enrichment.ontology import Ontology
    from triton_models.training.datasets import DataFolder, LabelledProduct, Photo
    from triton_models.training.labels import LabelSpace


@dataclass(frozen=True, slots=True)
class Corpus:
    """Products by position, everything else refers to these positions."""

    products: tuple[LabelledProduct, ...]
    photo_hashes: Mapping[Photo, str]
    splits: Mapping[Split, tuple[int, ...]]
    spaces: tuple[LabelSpace, ...]
    words: Mapping[str, tuple[str | None, ...]]
    """By handle, the ontology word of each product; None is a missing label."""
    faults: tuple[str, ...]
    """File, line and reason of rows that were left out and of labels that no crosswalk knows."""
    notes: tuple[str, ...]
    """Classes that stand in one row only: nothing can be learnt or measured of them."""

    def targets(self, rows: Sequence[int]) -> dict[str, NDArray[np.bool_]]:
        """By task, the right columns of these products."""
        return {space.handle: space.targets(self.words_of(space.handle, rows)) for space in self.spaces}

    def words_of(self, handle: str, rows: Sequence[int]) -> list[str | None]:
        """The ontology words of these products."""
        return [self.words[handle][row] for row in rows]

    def rows_of(self, split: Split, dataset: str) -> tuple[int, ...]:
        """The products of one split that come from one data set."""
        return tuple(row for row in self.splits[split] if self.products[row].dataset == dataset)


def read_corpus(folders: Sequence[Path], ontology: Ontology, handles: Sequence[str] = tuple(FLOORS)) -> Corpus:
    """Read, split and label all products. Raises OptionInvalid when a folder has not the shape of a data set."""
    read = [read_folder(folder) for folder in folders]
    products = tuple(product for folder in read for product in folder.products)
    photo_hashes = hash_photos(products)
    splits = split_products(products, photo_hashes)
    words = words_by_handle(products, handles)
    training = splits[Split.TRAIN]
    return Corpus(
        products,
        photo_hashes,
        splits,
        label_spaces(ontology, {handle: [words[handle][row] for row in training] for handle in handles}),
        words,
        faults=tuple(fault for folder in read for fault in (*folder.faults, *unknown_labels(folder))),
        notes=tuple(note for folder in read for note in _lone_classes(folder)),
    )


def hash_photos(products: Sequence[LabelledProduct]) -> dict[Photo, str]:
    """SHA-256 of every photo of the products. Raises Refused when one cannot be read."""
    with PhotoArchive() as archive:
        return archive.hashes(photo for product in products for photo in product.photos)


def words_by_handle(products: Sequence[LabelledProduct], handles: Sequence[str]) -> dict[str, tuple[str | None, ...]]:
    """By handle, the ontology word of each product; None is a missing label."""
    crosswalks = {dataset: load_crosswalk(dataset) for dataset in {product.dataset for product in products}}
    words = [crosswalks[product.dataset].words(product) for product in products]
    return {handle: tuple(word.get(handle) for word in words) for handle in handles}


def unknown_labels(folder: DataFolder) -> Iterator[str]:
    """File, line and value of every label that the data set's crosswalk has never heard of."""
    crosswalk = load_crosswalk(folder.dataset)
    for product in folder.products:
        for column, raw in crosswalk.unknown(product):
            yield f"{folder.table} line {product.line}: {column} {raw!r} is unknown to the crosswalk"


def _lone_classes(folder: DataFolder) -> Iterator[str]:
    counts = Counter(label for product in folder.products for label in product.labels.items())
    for product in folder.products:
        for column, raw in product.labels.items():
            if counts[column, raw] == 1:
                yield f"{folder.table} line {product.line}: {column} {raw!r} stands in this row only"
