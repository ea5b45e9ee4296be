# SPDX-License-Identifier: Apache-2.0
"""Behind one figure: value by value, what is taken for what, how sure against how right, and parts of the products."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from triton_models.training.metrics import CalibrationBin, Share, calibration_bins, share

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from consumer.bundle import Head
    from triton_models.training.scoring import Asked

#: Pairs of values that are named, most products first.
_MOST_CONFUSED = 15
#: Upper ends of the lengths of titles, in words.
_SHORT, _MIDDLING = 4, 7

_PHOTOS = ("no photo", "a small photo", "a small photo and a larger one")
_HEADS: Mapping[Head, str] = MappingProxyType({"fused": "photo and title", "image": "photo", "text": "title"})


@dataclass(frozen=True, slots=True)
class ValueFigures:
    """One value of a task."""

    recall: Share
    """Of the products that have it, how many are answered so."""
    precision: Share
    """Of the answers that say it, how many are right."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """One value taken for another."""

    truth: str
    answer: str
    count: int
    share: float
    """Of the products that have the value."""


@dataclass(frozen=True, slots=True)
class TaskDetails:
    """One task."""

    values: Mapping[str, ValueFigures]
    confusions: tuple[Confusion, ...]
    calibration: tuple[CalibrationBin, ...]
    slices: Mapping[str, Mapping[str, Share]]
    """By what the products are parted by, and part."""


def details_of(asked: Asked) -> TaskDetails:
    """What is behind the figures of one task."""
    answer = asked.probabilities.argmax(1)
    is_right = asked.is_right
    return TaskDetails(
        values=dict(_values(asked.question.values, answer, asked.truth)),
        confusions=tuple(_confusions(asked.question.values, answer, asked.truth)),
        calibration=calibration_bins(asked.probabilities.max(1), is_right),
        slices={name: _shares(values, is_right) for name, values in _parts(asked).items() if len(set(values)) > 1},
    )


def _values(
    names: Sequence[str], answer: NDArray[np.int64], truth: NDArray[np.int64]
) -> Iterator[tuple[str, ValueFigures]]:
    for column, name in enumerate(names):
        has, says = truth == column, answer == column
        if has.any():
            recall, precision = share(says[has].tolist()), share(has[says].tolist())
            yield name, ValueFigures(recall, precision)


def _confusions(names: Sequence[str], answer: NDArray[np.int64], truth: NDArray[np.int64]) -> Iterator[Confusion]:
    wrong = answer != truth
    pairs, counts = np.unique(np.stack([truth[wrong], answer[wrong]], 1), axis=0, return_counts=True)
    for index in np.argsort(-counts, kind="stable")[:_MOST_CONFUSED]:
        has, says = pairs[index]
        count = int(counts[index])
        yield Confusion(names[has], names[says], count, count / int((truth == has).sum()))


def _parts(asked: Asked) -> dict[str, Sequence[str]]:
    """By what the scored products are parted by, the part of each."""
    return {
        "answered from": [_HEADS[head] for head in asked.heads],
        "photos": [_PHOTOS[min(len(product.photos), 2)] for product in asked.products],
        "title": [_length(product.title) for product in asked.products],
        "branch": [product.labels.get("masterCategory", "unknown") for product in asked.products],
    }


def _length(title: str) -> str:
    words = len(title.split())
    if not words:
        return "none"
    if words <= _SHORT:
        return f"1 to {_SHORT} words"
    return f"{_SHORT + 1} to {_MIDDLING} words" if words <= _MIDDLING else f"more than {_MIDDLING} words"


def _shares(parts: Sequence[str], is_right: NDArray[np.bool_]) -> dict[str, Share]:
    by_part: defaultdict[str, list[bool]] = defaultdict(list)
    for part, right in zip(parts, is_right.tolist(), strict=True):
        by_part[part].append(right)
    return {part: share(rights) for part, rights in sorted(by_part.items())}
