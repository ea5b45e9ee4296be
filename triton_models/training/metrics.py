# SPDX-License-Identifier: Apache-2.0
"""Figures of merit of one task, each with the number of products it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Two-sided 95 %.
Z_95 = 1.959964
_ECE_BINS = 10
_TOP = 3


@dataclass(frozen=True, slots=True)
class TaskMetrics:
    """How well one task is answered at full coverage; shares in 0..1."""

    accuracy: float
    macro_f1: float
    """Mean over the labels that occur or were answered."""
    top3: float
    ece: float
    """Expected calibration error over ten bins of equally many products."""
    coverage_at_p90: float
    """Largest share of products, most confident first, among which at least 90 % are right."""
    n: int
    ci95: tuple[float, float]
    """Wilson interval of the accuracy."""


@dataclass(frozen=True, slots=True)
class Share:
    """How often a rule is right."""

    accuracy: float
    n: int
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class AcceptedMetrics:
    """What the thresholds of a bundle let through as sure, at the level that is published."""

    precision: float
    """Share of the accepted answers that are right; 0 when none is accepted."""
    wilson_low: float
    """Lower end of its 95 % Wilson interval: what a bar is held against."""
    coverage: float
    """Share of the labelled products whose answer is accepted."""
    accepted: int
    n: int
    """Labelled products."""


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Rows of about one confidence."""

    confidence: float
    accuracy: float
    n: int


def share(is_right: Sequence[bool]) -> Share:
    """The share of true ones with its interval; 0 of none."""
    n, right = len(is_right), sum(is_right)
    return Share(right / n if n else 0.0, n, wilson(right, n))


def accepted(is_accepted: NDArray[np.bool_], is_right: NDArray[np.bool_]) -> AcceptedMetrics:
    """Precision and coverage of the accepted answers among all labelled products."""
    count, right, n = int(is_accepted.sum()), int((is_accepted & is_right).sum()), len(is_right)
    return AcceptedMetrics(
        precision=right / count if count else 0.0,
        wilson_low=wilson(right, count)[0],
        coverage=count / n if n else 0.0,
        accepted=count,
        n=n,
    )


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of a share. (0, 1) when there is nothing to judge."""
    if n == 0:
        return (0.0, 1.0)
    share, square = right / n, Z_95 * Z_95
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = Z_95 * sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return (max(0.0, centre - half), min(1.0, centre + half))


def score(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> TaskMetrics:
    """Metrics of `[n, K]` probabilities against the right column of each row. ValueError without rows."""
    if not len(truth):
        raise ValueError("nothing to score")
    answer = probabilities.argmax(1)
    confidence = probabilities.max(1)
    is_right = answer == truth
    rank = (probabilities > probabilities[np.arange(len(truth)), truth][:, None]).sum(1)
    return TaskMetrics(
        accuracy=float(is_right.mean()),
        macro_f1=macro_f1(answer, truth),
        top3=float((rank < _TOP).mean()),
        ece=expected_calibration_error(confidence, is_right),
        coverage_at_p90=coverage_at(0.90, confidence, is_right),
        n=len(truth),
        ci95=wilson(int(is_right.sum()), len(truth)),
    )


def macro_f1(answer: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Unweighted mean of the F1 of each label that occurs or was answered."""
    scores = []
    for label in np.union1d(answer, truth):
        hits = int(((answer == label) & (truth == label)).sum())
        scores.append(2 * hits / (int((answer == label).sum()) + int((truth == label).sum())))
    return float(np.mean(scores))


def expected_calibration_error(confidence: NDArray[np.float32], is_right: NDArray[np.bool_]) -> float:
    """Mean distance between confidence and accuracy over the bins, weighted by their rows."""
    bins = calibration_bins(confidence, is_right)
    return sum(found.n * abs(found.confidence - found.accuracy) for found in bins) / len(confidence)


def calibration_bins(confidence: NDArray[np.float32], is_right: NDArray[np.bool_]) -> tuple[CalibrationBin, ...]:
    """Ten bins of equally many rows, least sure first.

    Bins of equal width would be all but empty except the last, where a model is mostly sure.
    """
    bins = np.array_split(np.argsort(confidence, kind="stable"), min(_ECE_BINS, len(confidence)))
    return tuple(
        CalibrationBin(float(confidence[rows].mean()), float(is_right[rows].mean()), len(rows)) for rows in bins
    )


def coverage_at(precision: float, confidence: NDArray[np.float32], is_right: NDArray[np.bool_]) -> float:
    """Largest share of rows, most confident first, that is right at least that often."""
    order = np.argsort(-confidence, kind="stable")
    precise = np.cumsum(is_right[order]) / np.arange(1, len(order) + 1) >= precision
    return float((np.flatnonzero(precise)[-1] + 1) / len(order)) if precise.any() else 0.0
