# SPDX-License-Identifier: Apache-2.0
"""Which products a model may learn from: one split for all tasks, by duplicate families, stable when rows are added."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from triton_models.training.datasets import LabelledProduct, Photo


class Split(StrEnum):
    """What a product is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    """Choices: recipe, regularisation."""
    CALIBRATION = "calibration"
    """Temperatures and thresholds, nothing else."""
    TEST = "test"
    """Quoted figures."""


#: Changing it deals all products anew: figures before and after are then not comparable.
_SALT = "hangtag/split/1"
#: Upper ends of the shares 80, 7, 6 and 7 percent.
_UPPER_ENDS = ((80, Split.TRAIN), (87, Split.VALIDATION), (93, Split.CALIBRATION), (100, Split.TEST))

_WORD = re.compile(r"\w+")


def cleaned_title(title: str) -> str:
    """A title without case and punctuation: two products that share it are one to a text model."""
    return " ".join(_WORD.findall(title.casefold()))


def families(products: Sequence[LabelledProduct], photo_hashes: Mapping[Photo, str]) -> list[str]:
    """For each product the name of its family: products that share a group, a cleaned title or a photo's bytes.

    The name is the family's smallest trait, so it stays while rows are added, unless a new row joins two families.
    """
    parents = list(range(len(products)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    first_with: dict[str, int] = {}
    for index, product in enumerate(products):
        for trait in _traits(product, photo_hashes):
            parents[root(index)] = root(first_with.setdefault(trait, index))

    names: dict[int, str] = {}
    for index, product in enumerate(products):
        name = min(_traits(product, photo_hashes))
        names[root(index)] = min(name, names.get(root(index), name))
    return [names[root(index)] for index in range(len(products))]


def split_products(
    products: Sequence[LabelledProduct], photo_hashes: Mapping[Photo, str]
) -> dict[Split, tuple[int, ...]]:
    """Positions of the products of each split. Raises AssertionError if a trait crossed a boundary."""
    members: dict[Split, list[int]] = {split: [] for split in Split}
    for index, family in enumerate(families(products, photo_hashes)):
        members[_split_of(family)].append(index)
    _assert_nothing_crosses(products, photo_hashes, members)
    return {split: tuple(indices) for split, indices in members.items()}


def _split_of(family: str) -> Split:
    digest = hashlib.sha256(f"{_SALT}/{family}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") * 100 / 2**64
    return next(split for end, split in _UPPER_ENDS if position < end)


def _traits(product: LabelledProduct, photo_hashes: Mapping[Photo, str]) -> Iterator[str]:
    yield f"group/{product.group}" if product.group else f"id/{product.id}"
    if title := cleaned_title(product.title):
        yield f"title/{title}"
    for photo in product.photos:
        yield f"photo/{photo_hashes[photo]}"


def _assert_nothing_crosses(
    products: Sequence[LabelledProduct], photo_hashes: Mapping[Photo, str], members: Mapping[Split, Sequence[int]]
) -> None:
    seen: defaultdict[str, set[Split]] = defaultdict(set)
    for split, indices in members.items():
        for index in indices:
            for trait in _traits(products[index], photo_hashes):
                seen[trait].add(split)
    crossing = [trait for trait, splits in seen.items() if len(splits) > 1]
    if crossing:
        raise AssertionError(f"{len(crossing)} traits cross a split boundary, for example {crossing[0]!r}")
