# SPDX-License-Identifier: Apache-2.0
"""Evaluations as pages and JSON: one figure never stands without its split, space, n and interval."""

from __future__ import annotations

import json
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING

from triton_models.training.page import Chart, Page, Section, Table, as_html, as_markdown
from triton_models.training.shown import Inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from triton_models.training.details import TaskDetails
    from triton_models.training.metrics import Share, TaskMetrics
    from triton_models.training.scoring import Evaluation

SHOWN = {
    Inputs.ALL: "photo and title",
    Inputs.PHOTOS_ONLY: "photo only",
    Inputs.TITLES_ONLY: "title only",
    Inputs.BLANK_TITLES: "photo, blank title",
    Inputs.BARE_TITLES: "photo and title, label words deleted",
    Inputs.USELESS_TITLES: "photo and title of the brand or a number alone",
    Inputs.FOREIGN_TITLES: "photo and another product's title",
    Inputs.SEVERAL_PHOTOS: "three pictures made of the photo",
    Inputs.STRANGE_PHOTO: "two pictures made of the photo, one of another product",
}

#: Of what a vendor may send, the worse; what these columns are called beside photo, and photo and title.
CHANGED = {
    Inputs.BLANK_TITLES: "blank title",
    Inputs.BARE_TITLES: "label words deleted",
    Inputs.USELESS_TITLES: "brand or number alone",
    Inputs.FOREIGN_TITLES: "another product's title",
    Inputs.SEVERAL_PHOTOS: "three pictures",
    Inputs.STRANGE_PHOTO: "one of three a stranger's",
}

FIGURES_EXPLAINED = """\
Every row answered; answers limited to the values of the label space. Accuracy with its 95 % Wilson interval; coverage:
share of rows, most confident first, that is right at least 90 % of the time."""

ACCEPTED_EXPLAINED = """\
What the thresholds let through, at the level that is published (colour: the family), in the ontology's words.
Precision with the lower end of its 95 % Wilson interval; coverage: share of the labelled products."""

LEFT_OUT_EXPLAINED = "Products without a value in the label space, or with nothing to show; tasks without a head."


def report_text(form: str, evaluation: Evaluation, details: Mapping[str, TaskDetails]) -> str:
    """The text of a file of that form, `.md`, `.html` or `.json`; `details` by task."""
    if form == ".json":
        tree = evaluation.as_json() | {"details": {task: asdict(found) for task, found in details.items()}}
        return json.dumps(tree, indent=1) + "\n"
    page = page_of(evaluation, details)
    return as_html(page) if form == ".html" else as_markdown(page)


def page_of(evaluation: Evaluation, details: Mapping[str, TaskDetails] = MappingProxyType({})) -> Page:
    """One evaluation as a page; `details` by task."""
    lead = (
        f"Split {evaluation.split}, label space {evaluation.space}, {SHOWN[Inputs(evaluation.inputs)]}; "
        f"{evaluation.products:,} products, {evaluation.n_seen_in_training:,} of them seen while it was made; "
        f"thresholds {evaluation.thresholds}."
    )
    left_out = [
        *(f"- {task}: {count:,} products" for task, count in evaluation.skipped.items() if count),
        *(f"- {task}: the bundle has no head {', '.join(heads)}" for task, heads in evaluation.missing_heads.items()),
        *(f"- {fault}" for fault in (*evaluation.faults, *evaluation.unknown_labels)),
    ]
    sections = (
        Section("Figures", (FIGURES_EXPLAINED, task_table([evaluation]))),
        Section("Accepted answers", (ACCEPTED_EXPLAINED, accepted_table([evaluation]))),
        *(Section(f"Task {task}", _detail_blocks(found)) for task, found in details.items()),
        Section("Left out", (LEFT_OUT_EXPLAINED, "\n".join(left_out) or "Nothing.")),
    )
    return Page(f"Bundle {evaluation.bundle} on {evaluation.dataset}", lead, sections)


def _detail_blocks(found: TaskDetails) -> tuple[str | Table | Chart, ...]:
    slices = tuple(
        (name, part, with_interval(figures), f"{figures.n:,}")
        for name, parts in found.slices.items()
        for part, figures in parts.items()
    )
    confusions = tuple((pair.truth, pair.answer, str(pair.count), f"{pair.share:.0%}") for pair in found.confusions)
    values = tuple(
        (value, with_interval(figures.recall), with_interval(figures.precision), f"{figures.recall.n:,}")
        for value, figures in found.values.items()
    )
    return (
        Chart(
            "Calibration, ten bins of equally many products",
            tuple((part.confidence, part.accuracy) for part in found.calibration),
        ),
        Table(("parted by", "part", "accuracy", "n"), slices),
        "Most often taken for another value:",
        Table(("value", "answered", "products", "of those that have it"), confusions),
        Table(("value", "recall", "precision", "n"), values),
    )


def task_table(evaluations: Sequence[Evaluation]) -> Table:
    """One row per task and kind of input, the baselines first. All evaluations are of one data set and space."""
    rules = {rule: shares for evaluation in evaluations for rule, shares in evaluation.baselines.items()}
    rows: list[tuple[str, ...]] = []
    for task in dict.fromkeys(task for evaluation in evaluations for task in evaluation.skipped):
        rows += [
            (task, rule, with_interval(shares[task]), "", "", "", "", f"{shares[task].n:,}")
            for rule, shares in rules.items()
            if task in shares
        ]
        rows += [
            (task, SHOWN[Inputs(evaluation.inputs)], *_cells(evaluation.tasks[task]))
            for evaluation in evaluations
            if task in evaluation.tasks
        ]
    return Table(("task", "answered by", "accuracy", "macro-F1", "top 3", "ECE", "coverage at .90", "n"), tuple(rows))


def changed_table(evaluations: Sequence[Evaluation]) -> Table:
    """One row per task: accuracies by the photo, by photo and title, and by what `CHANGED` makes of them."""
    names = {Inputs.PHOTOS_ONLY: "photo only", Inputs.ALL: "photo and title", **CHANGED}
    columns = {name: found.tasks for name in names for found in evaluations if found.inputs == name}
    tasks = dict.fromkeys(task for found in columns.values() for task in found)
    rows = (
        (
            task,
            *(with_interval(found[task]) if task in found else "" for found in columns.values()),
            f"{max(found[task].n for found in columns.values() if task in found):,}",
        )
        for task in tasks
    )
    return Table(("task", *(names[Inputs(name)] for name in columns), "n at most"), tuple(rows))


def accepted_table(evaluations: Sequence[Evaluation]) -> Table:
    """One row per attribute and kind of input."""
    rows = tuple(
        (
            f"`{handle}`",
            SHOWN[Inputs(evaluation.inputs)],
            f"{found.precision:.3f}",
            f"{found.wilson_low:.3f}",
            f"{found.coverage:.3f}",
            f"{found.accepted:,}",
            f"{found.n:,}",
        )
        for handle in dict.fromkeys(handle for evaluation in evaluations for handle in evaluation.accepted)
        for evaluation in evaluations
        if (found := evaluation.accepted.get(handle))
    )
    return Table(("attribute", "answered by", "precision", "lower end", "coverage", "accepted", "n"), rows)


def with_interval(figures: Share | TaskMetrics) -> str:
    """`0.914 (0.903-0.924)`."""
    low, high = figures.ci95
    return f"{figures.accuracy:.3f} ({low:.3f}-{high:.3f})"


def _cells(figures: TaskMetrics) -> tuple[str, ...]:
    shares = (f"{share:.3f}" for share in (figures.macro_f1, figures.top3, figures.ece))
    return with_interval(figures), *shares, f"{figures.coverage_at_p90:.2f}", f"{figures.n:,}"
