# SPDX-License-Identifier: Apache-2.0
"""A bundle whose photo heads know one's own photos better; its networks stay as they are.

A head that does not gain stays as it was. Of one that does, the bundle's thresholds say nothing any more: they are
picked anew where there are photos enough, and else its answers are suggested only.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from consumer.bundle import NEVER, TaskThresholds, Thresholds, load_bundle, write_thresholds
from consumer.enrichment.ontology import Ontology
from consumer.errors import OptionInvalid
from triton_models.export.bundle import reseal
from triton_models.export.heads import read_image_heads, write_image_heads
from triton_models.training.calibrate import judge, pick_thresholds
from triton_models.training.evaluate import Evaluator
from triton_models.training.head_tuning import FOLDS, Lesson, TunedHead, tuned_head
from triton_models.training.labels import paths_of, space_of
from triton_models.training.metrics import share
from triton_models.training.own_photos import read_own_photos

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.bundle import Head, Task
    from triton_models.training.metrics import Share
    from triton_models.training.progress import Progress

#: Photos from which thresholds are picked anew; fewer do not tell when an answer is safe.
MIN_FOR_THRESHOLDS = 200
#: They tell of the training that they were made in, and of looks at a test split by the bundle that came of it.
_OF_THE_SOURCE = ("run.json", "test_openings.jsonl")


@dataclass(frozen=True, slots=True)
class Gain:
    """One attribute: how often its photo head is right on photos that it did not learn from."""

    photos: int
    classes: int
    before: Share
    after: Share
    """By cross-validation in five parts; the best of three strengths, so a little flattering."""
    p: float
    """Of so large a gain by chance: McNemar's exact test of the same photos before and after."""
    is_kept: bool
    """False: the head stays as it was."""
    has_new_thresholds: bool
    """False of a head that is kept: its answers are suggested, not accepted."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of it."""

    bundle: int
    gains: Mapping[str, Gain]
    """By handle."""
    faults: tuple[str, ...]


class Tuning:
    """Tunes one bundle on one folder."""

    def __init__(self, source: Path, data: Path, cache: Path, progress: Progress) -> None:
        """Reads bundle and folder. Raises OptionInvalid, Refused or IncompatibleModels where they are wrong."""
        self._bundle = load_bundle(source)
        self._ontology = Ontology.load(self._bundle.manifest.ontology)
        self._heads = read_image_heads(source, [task.handle for task in self._bundle.manifest.tasks])
        self._own = read_own_photos(data, self._ontology)
        self._features = Evaluator(self._bundle, cache, progress).photo_features([*self._own.words])

    def run(self, out: Path, number: int) -> Tuned:
        """Write the tuned bundle into an empty folder, under a number of its own; the old one is not touched.

        `out` comes to be as a whole or not at all. Raises OptionInvalid when it is not empty, and for a taken number.
        """
        if out.exists() and any(out.iterdir()):
            raise OptionInvalid(f"{out} is not empty; a bundle is written as a whole")
        if number == self._bundle.manifest.bundle:
            raise OptionInvalid(f"{number} is the number of the bundle that is tuned; events must tell them apart")
        lessons = {task: lesson for task in self._bundle.manifest.tasks if (lesson := self._lesson(task))}
        if not lessons:
            raise OptionInvalid("no photo has a word that a head of the bundle can learn")
        heads, thresholds, gains = {}, dict(self._bundle.thresholds.tasks), {}
        for task, lesson in lessons.items():
            tuned = tuned_head(self._heads[task.handle], lesson)
            gains[task.handle] = _gain(tuned, lesson)
            if tuned.is_gain:
                heads[task.handle] = tuned.head
                thresholds[task.handle] = self._thresholds(task, tuned, lesson)
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f"{out.name}.", dir=out.parent) as beside:
            part = Path(beside) / "bundle"
            shutil.copytree(self._bundle.folder, part, ignore=shutil.ignore_patterns(*_OF_THE_SOURCE))
            write_image_heads(part, [task.handle for task in self._bundle.manifest.tasks], heads)
            write_thresholds(part / "thresholds.json", Thresholds(str(number), thresholds))
            self._write_pages(part, number, gains)
            reseal(part, graphs_changed=True, number=number)
            part.rename(out)
        return Tuned(number, gains, (*self._own.faults, *self._undecodable()))

    def _lesson(self, task: Task) -> Lesson | None:
        """None where fewer than two answers are shown."""
        handle = task.handle
        photos = [photo for photo, words in self._own.words.items() if handle in words and photo in self._features]
        words = tuple(self._own.words[photo][handle] for photo in photos)
        right = space_of(handle, task.labels, paths_of(self._ontology, handle)).targets(words)
        known = np.flatnonzero(right.any(1))
        if len(np.unique(right[known], axis=0)) <= 1:
            return None
        features = np.stack([self._features[photos[row]] for row in known]).astype(np.float32)
        folds = np.array([self._own.fold(photos[row], FOLDS) for row in known])
        return Lesson(features, right[known], tuple(words[row] for row in known), folds)

    def _thresholds(self, task: Task, tuned: TunedHead, lesson: Lesson) -> dict[Head, TaskThresholds]:
        """With a title, the stricter of the bundle's and the photo's: nothing was measured with titles."""
        old = self._bundle.thresholds.tasks[task.handle]
        if len(lesson.words) < MIN_FOR_THRESHOLDS:
            return {**old, "image": _suggesting(old["image"]), "fused": _suggesting(old["fused"])}
        picked = pick_thresholds(judge(self._ontology, task.handle, task.labels, tuned.unseen, lesson.words))
        return {**old, "image": picked, "fused": _stricter(picked, old["fused"])}

    def _write_pages(self, out: Path, number: int, gains: Mapping[str, Gain]) -> None:
        """The figures of the bundle that was tuned say nothing of this one."""
        (out / "metrics.json").write_text("{}\n", encoding="utf-8")
        rows = [
            f"- `{handle}`: {gain.photos} photos of {gain.classes} classes, right {gain.before.accuracy:.3f}, then "
            f"{gain.after.accuracy:.3f} ({gain.after.ci95[0]:.3f}-{gain.after.ci95[1]:.3f}), p = {gain.p:.2g}, in "
            f"five-fold cross-validation; {'new head' if gain.is_kept else 'head kept'}"
            + (", answers suggested only" if gain.is_kept and not gain.has_new_thresholds else "")
            for handle, gain in gains.items()
        ]
        lines = [
            f"# Model card: bundle {number}",
            f"Bundle {self._bundle.manifest.bundle} with photo heads that were tuned on photos of one's own.",
            *rows,
        ]
        (out / "model_card.md").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _undecodable(self) -> tuple[str, ...]:
        return tuple(f"{photo.member} cannot be decoded" for photo in self._own.words if photo not in self._features)


def _gain(tuned: TunedHead, lesson: Lesson) -> Gain:
    return Gain(
        photos=len(lesson.words),
        classes=len(set(lesson.words)),
        before=share(tuned.before.tolist()),
        after=share(tuned.after.tolist()),
        p=tuned.p,
        is_kept=tuned.is_gain,
        has_new_thresholds=tuned.is_gain and len(lesson.words) >= MIN_FOR_THRESHOLDS,
    )


def _suggesting(thresholds: TaskThresholds) -> TaskThresholds:
    return TaskThresholds(accept=NEVER, suggest=thresholds.suggest)


def _stricter(one: TaskThresholds, other: TaskThresholds) -> TaskThresholds:
    return TaskThresholds(
        accept=max(one.accept, other.accept),
        suggest=max(one.suggest, other.suggest),
        per_value={
            value: max(one.accept_of(value), other.accept_of(value))
            for value in sorted({*one.per_value, *other.per_value})
        },
    )
