# SPDX-License-Identifier: Apache-2.0
"""A bundle with temperatures and thresholds fitted anew on the calibration split; its weights stay as they are."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np

from consumer.bundle import Head, TaskThresholds, Thresholds, load_bundle, write_thresholds
from consumer.enrichment.ontology import Ontology
from consumer.errors import OptionInvalid, Refused
from triton_models.export.bundle import reseal
from triton_models.export.runtimes import FUSION_HEADS, FUSION_HEADS_IMAGE, FUSION_HEADS_TEXT
from triton_models.export.temper import temper_graph, tempered
from triton_models.training.calibrate import (
    TEMPERATURES,
    confidence_loss,
    judge,
    pick_thresholds,
    require_calibration_rows,
)
from triton_models.training.corpus import read_corpus
from triton_models.training.evaluate import Evaluator
from triton_models.training.shown import Inputs
from triton_models.training.split import Split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from consumer.bundle import Task
    from triton_models.training.progress import Progress

#: What a head is shown when it is fitted, and the graphs and outputs by which its answers leave the bundle.
_SHOWN: Mapping[Head, Inputs] = {"fused": Inputs.ALL, "image": Inputs.PHOTOS_ONLY, "text": Inputs.TITLES_ONLY}
_OUTPUTS: Mapping[Head, tuple[tuple[str, str], ...]] = {
    "fused": ((FUSION_HEADS, ""),),
    "image": ((FUSION_HEADS, ".image"), (FUSION_HEADS_IMAGE, "")),
    "text": ((FUSION_HEADS, ".text"), (FUSION_HEADS_TEXT, "")),
}

Temperatures = dict[str, dict[Head, float]]


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """What came of it."""

    thresholds: Thresholds
    temperatures: Temperatures
    """By handle; 1 = as before, because the validation split would not gain."""
    products: int
    """Of the calibration split."""
    faults: tuple[str, ...]
    """Rows that were left out, labels that no crosswalk knows, and photos among these that cannot be decoded."""


@dataclass(frozen=True, slots=True)
class _Answered:
    """What one kind of head says of some products."""

    rows: tuple[int, ...]
    probabilities: Mapping[str, NDArray[np.float32]]


class Recalibration:
    """Fits one bundle on the calibration split of some data."""

    def __init__(self, source: Path, folders: Sequence[Path], cache: Path, progress: Progress) -> None:
        """Reads bundle and data. Raises OptionInvalid, Refused or IncompatibleModels where they are wrong."""
        self._bundle = load_bundle(source)
        if odd := [task.handle for task in self._bundle.manifest.tasks if task.output != "probability"]:
            raise Refused(f"heads that answer logits cannot be calibrated anew: {', '.join(odd)}")
        self._ontology = Ontology.load(self._bundle.manifest.ontology)
        self._corpus = read_corpus(folders, self._ontology)
        self._evaluator = Evaluator(self._bundle, cache, progress)
        self._faults = dict.fromkeys(self._corpus.faults)

    def run(self, out: Path, only: Sequence[str] | None = None) -> Recalibrated:
        """Write the new bundle into an empty folder; the old one is not touched.

        `only` names products as `<dataset>/<id>`; default: the whole calibration split. Raises OptionInvalid when
        one of them is of another split, or `out` is not empty.
        """
        rows = self._rows(only)
        if out.exists() and any(out.iterdir()):
            raise OptionInvalid(f"{out} is not empty; a bundle is written as a whole")
        temperatures: Temperatures = {task.handle: {} for task in self._bundle.manifest.tasks}
        thresholds: dict[str, dict[Head, TaskThresholds]] = {handle: {} for handle in temperatures}
        for kind in get_args(Head):
            calibration = self._answered(kind, rows)
            validation = self._answered(kind, self._corpus.splits[Split.VALIDATION])
            for task in self._bundle.manifest.tasks:
                temperature = self._temperature(task, calibration, validation)
                temperatures[task.handle][kind] = temperature
                # Where the data has no label for the task, nothing is known better.
                thresholds[task.handle][kind] = (
                    self._thresholds(task, calibration, temperature) or self._bundle.thresholds.tasks[task.handle][kind]
                )
        found = Thresholds(next_version(self._bundle.thresholds.version), thresholds)
        self._write(out, found, temperatures)
        return Recalibrated(found, temperatures, len(rows), tuple(self._faults))

    def _rows(self, only: Sequence[str] | None) -> tuple[int, ...]:
        if only is None:
            return self._corpus.splits[Split.CALIBRATION]
        positions = {product.key: row for row, product in enumerate(self._corpus.products)}
        if unknown := [key for key in only if key not in positions]:
            raise OptionInvalid(f"the data has no product {unknown[0]} ({len(unknown)} unknown in all)")
        rows = tuple(positions[key] for key in only)
        try:
            require_calibration_rows(rows, self._corpus.splits)
        except ValueError as error:
            raise OptionInvalid(f"{error}: temperatures and thresholds may see no other") from error
        return rows

    def _answered(self, kind: Head, rows: Sequence[int]) -> _Answered:
        """Only products that the served model would give to this kind of head."""
        answers = self._evaluator.answer([self._corpus.products[row] for row in rows], _SHOWN[kind])
        self._faults |= dict.fromkeys(answers.undecodable)
        mine = [position for position, head in enumerate(answers.heads) if head == kind]
        return _Answered(
            tuple(rows[answers.rows[position]] for position in mine),
            {handle: values[mine] for handle, values in answers.probabilities.items()},
        )

    def _temperature(self, task: Task, calibration: _Answered, validation: _Answered) -> float:
        best = min(map(float, TEMPERATURES), key=lambda temperature: self._loss(task, calibration, temperature))
        gains = self._loss(task, validation, best) < self._loss(task, validation, 1.0)
        return best if gains else 1.0

    def _loss(self, task: Task, answered: _Answered, temperature: float) -> float:
        """Of the rows with exactly one right column."""
        columns = {label: column for column, label in enumerate(task.labels)}
        words = self._words(task, answered)
        rows = [row for row, word in enumerate(words) if word in columns]
        right = np.array([columns[str(words[row])] for row in rows], dtype=np.int64)
        return confidence_loss(tempered(answered.probabilities[task.handle][rows], temperature), right)

    def _thresholds(self, task: Task, calibration: _Answered, temperature: float) -> TaskThresholds | None:
        words = self._words(task, calibration)
        if not any(words):
            return None
        probabilities = tempered(calibration.probabilities[task.handle], temperature)
        return pick_thresholds(judge(self._ontology, task.handle, task.labels, probabilities, words))

    def _words(self, task: Task, answered: _Answered) -> list[str | None]:
        if task.handle not in self._corpus.words:
            return [None] * len(answered.rows)
        return self._corpus.words_of(task.handle, answered.rows)

    def _write(self, out: Path, thresholds: Thresholds, temperatures: Temperatures) -> None:
        shutil.copytree(self._bundle.folder, out, dirs_exist_ok=True)
        by_graph: dict[str, dict[str, float]] = {}
        for handle, kinds in temperatures.items():
            for kind, temperature in kinds.items():
                for graph, suffix in _OUTPUTS[kind]:
                    by_graph.setdefault(graph, {})[f"{handle}{suffix}"] = temperature
        for graph, by_output in by_graph.items():
            temper_graph(out / f"{graph}.onnx", by_output)
        write_thresholds(out / "thresholds.json", thresholds)
        reseal(out, graphs_changed=True)


def next_version(version: str) -> str:
    """`2` -> `2.1` -> `2.2`: the bundle, then how often it was calibrated since."""
    bundle, _, count = version.partition(".")
    return f"{bundle}.{int(count) + 1 if count.isdigit() else 1}"
