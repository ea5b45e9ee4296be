# SPDX-License-Identifier: Apache-2.0
"""Evaluations as Markdown and JSON: one figure never stands without its split, space, n and interval."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from consumer.errors import OptionInvalid, Refused
from triton_models.training.inputs import Inputs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
}

FIGURES_EXPLAINED = """\
Every row answered; answers limited to the values of the label space. Accuracy with its 95 % Wilson interval; coverage:
share of rows, most confident first, that is right at least 90 % of the time."""

ACCEPTED_EXPLAINED = """\
What the thresholds let through, at the level that is published (colour: the family), in the ontology's words.
Precision with the lower end of its 95 % Wilson interval; coverage: share of the labelled products."""

LEFT_OUT_EXPLAINED = "Products without a value in the label space, or with nothing to show; tasks without a head."


def write_report(path: Path, evaluation: Evaluation) -> None:
    """`FILE.md` or `FILE.json`. Raises OptionInvalid for another ending, Refused when it cannot be written."""
    match path.suffix:
        case ".md":
            text = markdown(evaluation)
        case ".json":
            text = json.dumps(evaluation.as_json(), indent=1) + "\n"
        case _:
            raise OptionInvalid(f"{path}: a report ends in .md or .json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error


def markdown(evaluation: Evaluation) -> str:
    """One evaluation as a page."""
    heading = (
        f"Split {evaluation.split}, label space {evaluation.space}, {SHOWN[Inputs(evaluation.inputs)]}; "
        f"{evaluation.products:,} products, {evaluation.n_seen_in_training:,} of them seen while it was made; "
        f"thresholds {evaluation.thresholds}."
    )
    left_out = [
        *(f"- {task}: {count:,} products" for task, count in evaluation.skipped.items() if count),
        *(f"- {task}: the bundle has no head {', '.join(heads)}" for task, heads in evaluation.missing_heads.items()),
        *(f"- {fault}" for fault in (*evaluation.faults, *evaluation.unknown_labels)),
    ]
    sections = {
        f"# Bundle {evaluation.bundle} on {evaluation.dataset}": [heading],
        "## Figures": [FIGURES_EXPLAINED, "", *task_table([evaluation])],
        "## Accepted answers": [ACCEPTED_EXPLAINED, "", *accepted_table([evaluation])],
        "## Left out": [LEFT_OUT_EXPLAINED, "", *(left_out or ["Nothing."])],
    }
    return "\n".join("\n".join((title, *lines, "")) for title, lines in sections.items())


def task_table(evaluations: Sequence[Evaluation]) -> list[str]:
    """One row per task and kind of input, the baselines first. All evaluations are of one data set and space."""
    lines = [
        "| task | answered by | accuracy | macro-F1 | top 3 | ECE | coverage at .90 | n |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rules = {rule: shares for evaluation in evaluations for rule, shares in evaluation.baselines.items()}
    for task in dict.fromkeys(task for evaluation in evaluations for task in evaluation.skipped):
        lines += [
            f"| {task} | {rule} | {with_interval(shares[task])} | | | | | {shares[task].n:,} |"
            for rule, shares in rules.items()
            if task in shares
        ]
        lines += [
            f"| {task} | {SHOWN[Inputs(evaluation.inputs)]} | {_row(evaluation.tasks[task])} |"
            for evaluation in evaluations
            if task in evaluation.tasks
        ]
    return lines


def accepted_table(evaluations: Sequence[Evaluation]) -> list[str]:
    """One row per attribute and kind of input."""
    lines = [
        "| attribute | answered by | precision | lower end | coverage | accepted | n |",
        "|---|---|---|---|---|---|---|",
    ]
    for handle in dict.fromkeys(handle for evaluation in evaluations for handle in evaluation.accepted):
        lines += [
            f"| `{handle}` | {SHOWN[Inputs(evaluation.inputs)]} | {found.precision:.3f} "
            f"| {found.wilson_low:.3f} | {found.coverage:.3f} | {found.accepted:,} | {found.n:,} |"
            for evaluation in evaluations
            if (found := evaluation.accepted.get(handle))
        ]
    return lines


def with_interval(figures: Share | TaskMetrics) -> str:
    """`0.914 (0.903-0.924)`."""
    low, high = figures.ci95
    return f"{figures.accuracy:.3f} ({low:.3f}-{high:.3f})"


def _row(figures: TaskMetrics) -> str:
    return (
        f"{with_interval(figures)} | {figures.macro_f1:.3f} | {figures.top3:.3f} | {figures.ece:.3f} "
        f"| {figures.coverage_at_p90:.2f} | {figures.n:,}"
    )
