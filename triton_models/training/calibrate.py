# SPDX-License-Identifier: Apache-2.0
"""What the calibration split is for: probabilities that mean what they say, and confidences that are safe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from consumer.bundle import NEVER, TaskThresholds
from triton_models.training.labels import paths_of
from triton_models.training.metrics import wilson
from triton_models.training.split import Split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from consumer.enrichment.ontology import Ontology
    from triton_models.training.heads import FusedHead, LinearHead

#: Precision that the Wilson lower bound must reach among accepted, and among suggested answers.
ACCEPT_PRECISION = 0.90
SUGGEST_PRECISION = 0.50
#: What just holds on the rows that it was picked on fails on every second set of others: a point more is asked there.
_HEADROOM = 0.01
#: Nearly all of one catalogue's answers may be right, the unsure ones too; of another catalogue's, an answer that is
#: more likely wrong than right is never accepted.
ACCEPT_FLOOR = 0.50
#: Answers of one value that a threshold of its own takes.
PER_VALUE_MIN_ANSWERS = 200

#: Temperatures that are tried.
TEMPERATURES = np.geomspace(0.5, 4.0, 61)
#: Probabilities are held off 0 and 1: one wrong answer that is quite sure would outweigh all others.
_LEAST = 1e-6


AnyHead = TypeVar("AnyHead", "LinearHead", "FusedHead")


@dataclass(frozen=True, slots=True)
class CalibrationSet:
    """Features and right columns of some products; rows without exactly one right column are left out."""

    features: NDArray[np.float32]
    right: NDArray[np.bool_]

    def loss(self, head: LinearHead | FusedHead) -> float:
        """`confidence_loss` of the rows with exactly one right column; infinite without any."""
        known = self.right.sum(1) == 1
        return confidence_loss(head.probabilities(self.features[known]), self.right[known].argmax(1))


def confidence_loss(probabilities: NDArray[np.float32], right: NDArray[np.int64]) -> float:
    """Mean log-loss of "the likeliest answer is right": `[n, K]` and the right column `[n]`; infinite without rows.

    The confidence that is published is the likeliest answer's. What fits the likelihood of all answers leaves that one
    too high where the targets were smoothed (docs/decisions/0023-temperatures.md).
    """
    if not len(right):
        return float("inf")
    sure = probabilities.max(1).astype(np.float64).clip(_LEAST, 1 - _LEAST)
    return float(-np.log(np.where(probabilities.argmax(1) == right, sure, 1 - sure)).mean())


def require_calibration_rows(rows: Sequence[int], splits: Mapping[Split, Sequence[int]]) -> None:
    """ValueError when a row is not of the calibration split: temperatures and thresholds may see no other."""
    foreign = set(rows) - set(splits[Split.CALIBRATION])
    if foreign:
        raise ValueError(f"{len(foreign)} rows are not of the calibration split, for example {min(foreign)}")


def with_temperature(head: AnyHead, calibration: CalibrationSet, validation: CalibrationSet) -> AnyHead:
    """The head with the temperature that fits the calibration split; unchanged unless validation gains by it."""
    candidates = [replace(head, temperature=float(temperature)) for temperature in TEMPERATURES]
    best = min(candidates, key=calibration.loss)
    return best if validation.loss(best) < validation.loss(head) else head


@dataclass(frozen=True, slots=True)
class Judged:
    """First answers: which value, how sure, and whether it was right. A label outside the answers makes it wrong."""

    positions: NDArray[np.int64]
    """Of the labelled ones among the products that were judged."""
    values: NDArray[np.str_]
    confidence: NDArray[np.float32]
    is_right: NDArray[np.bool_]


def judge(
    ontology: Ontology,
    handle: str,
    labels: Sequence[str],
    probabilities: NDArray[np.float32],
    words: Sequence[str | None],
) -> Judged:
    """The likeliest value of each labelled row at the published level, which is a family where there are shades.

    A label that names an inner node of the tree says no more than that: every answer below it is right.
    """
    paths, level = paths_of(ontology, handle), _published_level(handle)
    known = [index for index, word in enumerate(words) if word is not None]
    answers, confidence = published_answers(ontology, handle, labels, probabilities[known])
    truths = [paths[word][level] for word in words if word is not None]
    is_right = [truth in paths[answer] for truth, answer in zip(truths, answers, strict=True)]
    return Judged(np.array(known), np.array(answers), confidence, np.array(is_right, dtype=np.bool_))


def published_answers(
    ontology: Ontology, handle: str, labels: Sequence[str], probabilities: NDArray[np.float32]
) -> tuple[list[str], NDArray[np.float32]]:
    """The likeliest value of each row at the published level, and its mass."""
    paths, level = paths_of(ontology, handle), _published_level(handle)
    values = list(dict.fromkeys(paths[label][level] for label in labels))
    summing = np.array([[paths[label][level] == value for value in values] for label in labels], dtype=np.float32)
    masses = probabilities @ summing
    return [values[column] for column in masses.argmax(1)], masses.max(1)


def _published_level(handle: str) -> int:
    """Position in a word's path: a category is its leaf, everything else a family."""
    return -1 if handle == "category" else 0


def pick_thresholds(judged: Judged) -> TaskThresholds:
    """The lowest confidences whose answers, taken together, are right often enough with 95 % certainty.

    None of them accepts below `ACCEPT_FLOOR`.
    """
    accept = max(ACCEPT_FLOOR, lowest_safe(judged.confidence, judged.is_right, ACCEPT_PRECISION + _HEADROOM))
    per_value = {}
    for value in np.unique(judged.values):
        mine = judged.values == value
        if mine.sum() >= PER_VALUE_MIN_ANSWERS:
            safe = lowest_safe(judged.confidence[mine], judged.is_right[mine], ACCEPT_PRECISION + _HEADROOM)
            per_value[str(value)] = max(ACCEPT_FLOOR, safe)
    suggest = lowest_safe(judged.confidence, judged.is_right, SUGGEST_PRECISION)
    return TaskThresholds(accept=accept, suggest=min(suggest, accept), per_value=per_value)


def lowest_safe(confidence: NDArray[np.float32], is_right: NDArray[np.bool_], precision: float) -> float:
    """The lowest confidence from which the precision's Wilson lower bound reaches the target; NEVER without one."""
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(is_right[order])
    for count in range(len(order), 0, -1):
        # A threshold takes all rows of its confidence: stop only where the next row is below.
        is_boundary = count == len(order) or confidence[order[count]] < confidence[order[count - 1]]
        if is_boundary and wilson(int(hits[count - 1]), count)[0] >= precision:
            return float(confidence[order[count - 1]])
    return NEVER
