# SPDX-License-Identifier: Apache-2.0
"""A bundle whose photo heads know one's own photos better; its networks stay as they are.

Heads are logistic regressions that start from the bundle's and are held near them: with a few dozen photos a class,
whole networks would learn them by heart. How near is chosen by cross-validation, and a head that does not gain by it
stays as it was.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from consumer.bundle import Thresholds, load_bundle, write_thresholds
from consumer.enrichment.ontology import Ontology
from consumer.errors import OptionInvalid
from triton_models.export.bundle import reseal
from triton_models.export.heads import read_image_heads, write_image_heads
from triton_models.training.calibrate import CalibrationSet, judge, pick_thresholds, with_temperature
from triton_models.training.evaluate import Evaluator
from triton_models.training.heads import LinearHead
from triton_models.training.labels import paths_of, space_of
from triton_models.training.losses import admissible_loss
from triton_models.training.metrics import share
from triton_models.training.own_photos import read_own_photos

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from consumer.bundle import TaskThresholds
    from triton_models.training.metrics import Share
    from triton_models.training.progress import Progress

FOLDS = 5
#: How strongly a head is held near the bundle's; tried from the loosest.
_PULLS = (1e-3, 1e-2, 1e-1)
_MAX_ITERATIONS = 50
#: Photos from which thresholds are picked anew; of fewer, nothing is known better than before.
_MIN_FOR_THRESHOLDS = 200


@dataclass(frozen=True, slots=True)
class Gain:
    """One attribute: how often its photo head is right on photos that it did not learn from."""

    photos: int
    classes: int
    before: Share
    after: Share
    """By cross-validation in five parts; the best of three strengths, so a little flattering."""
    is_kept: bool
    """False: the head stays as it was."""
    has_new_thresholds: bool


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of it."""

    bundle: int
    gains: Mapping[str, Gain]
    """By handle."""
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Lesson:
    """The photos that have a word for one attribute."""

    features: NDArray[np.float32]
    right: NDArray[np.bool_]
    words: tuple[str, ...]
    folds: NDArray[np.int64]


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
        """Write the tuned bundle into an empty folder, under a number of its own; the old one is not touched."""
        if out.exists() and any(out.iterdir()):
            raise OptionInvalid(f"{out} is not empty; a bundle is written as a whole")
        if number == self._bundle.manifest.bundle:
            raise OptionInvalid(f"{number} is the number of the bundle that is tuned; events must tell them apart")
        heads, thresholds, gains = {}, dict(self._bundle.thresholds.tasks), {}
        for task in self._bundle.manifest.tasks:
            lesson = self._lesson(task.handle, task.labels)
            if lesson is None:
                continue
            head, gains[task.handle], picked = self._tuned(task.handle, task.labels, lesson)
            if gains[task.handle].is_kept:
                heads[task.handle] = head
            if picked:
                thresholds[task.handle] = {**thresholds[task.handle], "image": picked}
        if not gains:
            raise OptionInvalid("no photo has a word that a head of the bundle can learn")
        shutil.copytree(self._bundle.folder, out, dirs_exist_ok=True)
        write_image_heads(out, [task.handle for task in self._bundle.manifest.tasks], heads)
        write_thresholds(out / "thresholds.json", Thresholds(str(number), thresholds))
        self._write_pages(out, number, gains)
        reseal(out, graphs_changed=True, number=number)
        return Tuned(number, gains, (*self._own.faults, *self._undecodable()))

    def _lesson(self, handle: str, labels: tuple[str, ...]) -> _Lesson | None:
        """None where fewer than two answers are shown."""
        photos = [photo for photo, words in self._own.words.items() if handle in words and photo in self._features]
        words = tuple(self._own.words[photo][handle] for photo in photos)
        right = space_of(handle, labels, paths_of(self._ontology, handle)).targets(words)
        known = np.flatnonzero(right.any(1))
        if len(np.unique(right[known], axis=0)) <= 1:
            return None
        features = np.stack([self._features[photos[row]] for row in known]).astype(np.float32)
        folds = np.array([self._own.fold(photos[row], FOLDS) for row in known])
        return _Lesson(features, right[known], tuple(words[row] for row in known), folds)

    def _tuned(
        self, handle: str, labels: tuple[str, ...], lesson: _Lesson
    ) -> tuple[LinearHead, Gain, TaskThresholds | None]:
        old = self._heads[handle]
        unseen = {pull: _unseen_logits(old, lesson, pull) for pull in _PULLS}
        before = _is_right(old.logits(lesson.features), lesson)
        pull = max(_PULLS, key=lambda pull: (_is_right(unseen[pull], lesson).mean(), pull))
        after = _is_right(unseen[pull], lesson)
        is_kept = bool(after.sum() > before.sum())
        picked = None
        head = old
        if is_kept:
            # Unseen logits are the features of a head that passes them on; only its temperature is fitted.
            through = LinearHead(np.eye(len(labels), dtype=np.float32), np.zeros(len(labels), np.float32))
            shown = CalibrationSet(unseen[pull], lesson.right)
            through = with_temperature(through, shown, shown)
            fitted = _fit(old, lesson.features, lesson.right, pull)
            head = LinearHead(fitted.weight, fitted.bias, through.temperature)
            if len(after) >= _MIN_FOR_THRESHOLDS:
                sure = through.probabilities(unseen[pull])
                picked = pick_thresholds(judge(self._ontology, handle, labels, sure, lesson.words))
        gain = Gain(
            photos=len(after),
            classes=len(set(lesson.words)),
            before=share(before.tolist()),
            after=share(after.tolist()),
            is_kept=is_kept,
            has_new_thresholds=picked is not None,
        )
        return head, gain, picked

    def _write_pages(self, out: Path, number: int, gains: Mapping[str, Gain]) -> None:
        """The figures of the bundle that was tuned say nothing of this one."""
        (out / "metrics.json").write_text("{}\n", encoding="utf-8")
        rows = [
            f"- `{handle}`: {gain.photos} photos of {gain.classes} classes, right before {gain.before.accuracy:.3f}, "
            f"after {gain.after.accuracy:.3f} ({gain.after.ci95[0]:.3f}-{gain.after.ci95[1]:.3f}), in five-fold "
            f"cross-validation; {'new head' if gain.is_kept else 'head kept'}"
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


def _unseen_logits(old: LinearHead, lesson: _Lesson, pull: float) -> NDArray[np.float32]:
    """Each photo's logits by a head that learnt from the other folds."""
    logits = old.logits(lesson.features)
    for fold in range(FOLDS):
        asked = lesson.folds == fold
        if asked.any() and not asked.all():
            head = _fit(old, lesson.features[~asked], lesson.right[~asked], pull)
            logits[asked] = head.logits(lesson.features[asked])
    return logits


def _is_right(logits: NDArray[np.float32], lesson: _Lesson) -> NDArray[np.bool_]:
    return np.asarray(lesson.right[np.arange(len(logits)), logits.argmax(1)])


def _fit(old: LinearHead, features: NDArray[np.float32], right: NDArray[np.bool_], pull: float) -> LinearHead:
    """The head that answers these photos best and is not far from the old one."""
    start = [torch.from_numpy(values).clone() for values in (old.weight, old.bias)]
    weight, bias = (values.clone().requires_grad_() for values in start)
    inputs, wanted = torch.from_numpy(features), torch.from_numpy(right)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=_MAX_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = admissible_loss(inputs @ weight.T + bias, wanted, 0.0).mean()
        for now, then in zip((weight, bias), start, strict=True):
            loss = loss + pull * (now - then).square().sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return LinearHead(weight.detach().numpy(), bias.detach().numpy())
