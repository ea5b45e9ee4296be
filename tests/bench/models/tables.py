# SPDX-License-Identifier: Apache-2.0
"""What was measured as tables of accuracies, their differences in points, and the intervals of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triton_models.training.compare import pair
from triton_models.training.metrics import share
from triton_models.training.page import Table
from triton_models.training.report import with_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triton_models.training.compare import Paired
    from triton_models.training.dense_training import Answered
    from triton_models.training.metrics import Share

    Answers = Mapping[str, Answered]


def pairs(found: Mapping[str, Paired], first: str, second: str) -> Table:
    """One row a task: both accuracies, the second's less the first's in points, and on how many products."""
    header = ("task", "n", first, second, "difference, points", "95 %", "only the first right", "only the second", "p")
    rows = (
        (
            task,
            f"{one.n:,}",
            f"{one.accuracy_a:.3f}",
            f"{one.accuracy_b:.3f}",
            f"{100 * one.difference:+.1f}",
            f"{100 * one.ci95[0]:+.1f} to {100 * one.ci95[1]:+.1f}",
            str(one.only_a),
            str(one.only_b),
            f"{one.p:.3f}",
        )
        for task, one in found.items()
    )
    return Table(header, tuple(rows))


def changes(found: Mapping[str, Mapping[str, Paired]], prefix: str = "") -> Table:
    """One row a task: the accuracy as it is, and what each name changed of it, in points."""
    first = next(iter(found.values()))
    rows = (
        (task, f"{one.n:,}", f"{one.accuracy_a:.3f}", *(_points(tasks[task]) for tasks in found.values()))
        for task, one in first.items()
    )
    return Table(("task", "n", "as it is", *(f"{prefix}{name}" for name in found)), tuple(rows))


def curve(found: Mapping[str, Answers]) -> Table:
    """One row a task: the accuracy by each name, and how far the last may be off."""
    rows = []
    for task in next(iter(found.values())):
        shares = [share(answers[task].is_right.tolist()) for answers in found.values()]
        low, high = shares[-1].ci95
        cells = (f"{one.accuracy:.3f}" for one in shares)
        rows.append((task, f"{shares[-1].n:,}", *cells, f"{low:.3f}-{high:.3f}"))
    return Table(("task", "n", *found, "95 % of the last"), tuple(rows))


def shares(found: Mapping[str, Mapping[str, Share]]) -> Table:
    """One row a task: the share by each name, with its interval."""
    rows = (
        (task, f"{first.n:,}", *(with_interval(tasks[task]) for tasks in found.values()))
        for task, first in next(iter(found.values())).items()
    )
    return Table(("task", "n", *found), tuple(rows))


def choices(base: Answers, found: Mapping[str, Answers]) -> Table:
    """The base's accuracies with their n, then a row for each other recipe: its difference in points."""
    rows = [("n", *(f"{len(one.is_right):,}" for one in base.values()))]
    rows.append(("as the starter", *(f"{one.is_right.mean():.3f}" for one in base.values())))
    rows += [(name, *(_difference(base[task], answers[task]) for task in base)) for name, answers in found.items()]
    return Table(("accuracy", *base), tuple(rows))


def macro_f1(base: Answers, found: Mapping[str, Answers]) -> Table:
    """A row for each recipe."""
    recipes = {"as the starter": base, **found}
    rows = tuple((name, *(f"{answers[task].macro_f1:.3f}" for task in base)) for name, answers in recipes.items())
    return Table(("macro-F1", *base), rows)


def _difference(base: Answered, other: Answered) -> str:
    return _points(pair(base.is_right.tolist(), other.is_right.tolist()))


def _points(paired: Paired) -> str:
    """`-0.4 ±0.9`."""
    half = (paired.ci95[1] - paired.ci95[0]) / 2
    return f"{100 * paired.difference:+.1f} ±{100 * half:.1f}"
