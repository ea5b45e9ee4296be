# SPDX-License-Identifier: Apache-2.0
"""One photo head, taught by photos of one's own and judged by those that it did not learn from.

It is a logistic regression that starts from the bundle's and is held near it: with a few dozen photos a class, a whole
network would learn them by heart. How near is chosen by cross-validation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from triton_models.training.calibrate import CalibrationSet, with_temperature
from triton_models.training.compare import exact_mcnemar
from triton_models.training.heads import LinearHead
from triton_models.training.losses import admissible_loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 5
#: How strongly a head is held near the bundle's; tried from the loosest.
_PULLS = (1e-3, 1e-2, 1e-1)
_MAX_ITERATIONS = 50
#: A gain that chance gives this rarely is one; a little oftener, as the best of three strengths is asked.
_MAX_P = 0.05


@dataclass(frozen=True, slots=True)
class Lesson:
    """The photos that have a word for one attribute."""

    features: NDArray[np.float32]
    right: NDArray[np.bool_]
    """By photo and answer."""
    words: tuple[str, ...]
    folds: NDArray[np.int64]
    """Which of `FOLDS` parts each photo is in."""


@dataclass(frozen=True, slots=True)
class TunedHead:
    """What a lesson made of a head."""

    head: LinearHead
    unseen: NDArray[np.float32]
    """Probabilities of each photo by a head that learnt from the other parts."""
    before: NDArray[np.bool_]
    """Which photos the bundle's own head has right."""
    after: NDArray[np.bool_]
    """Which of them `unseen` has right."""

    @property
    def p(self) -> float:
        """McNemar's exact test: so uneven a gain by chance."""
        return exact_mcnemar(int((self.before & ~self.after).sum()), int((self.after & ~self.before).sum()))

    @property
    def is_gain(self) -> bool:
        """More photos are right, and not by chance."""
        return bool(self.after.sum() > self.before.sum() and self.p < _MAX_P)


def tuned_head(old: LinearHead, lesson: Lesson) -> TunedHead:
    """The head as the strength that is right most often makes it, of equals the one that is held nearest."""
    unseen = {pull: _unseen_logits(old, lesson, pull) for pull in _PULLS}
    pull = max(_PULLS, key=lambda pull: (_is_right(unseen[pull], lesson).mean(), pull))
    # Unseen logits are the features of a head that passes them on; only its temperature is fitted.
    answers = lesson.right.shape[1]
    through = LinearHead(np.eye(answers, dtype=np.float32), np.zeros(answers, np.float32))
    shown = CalibrationSet(unseen[pull], lesson.right)
    through = with_temperature(through, shown, shown)
    fitted = _fit(old, lesson.features, lesson.right, pull)
    return TunedHead(
        head=LinearHead(fitted.weight, fitted.bias, through.temperature),
        unseen=through.probabilities(unseen[pull]),
        before=_is_right(old.logits(lesson.features), lesson),
        after=_is_right(unseen[pull], lesson),
    )


def _unseen_logits(old: LinearHead, lesson: Lesson, pull: float) -> NDArray[np.float32]:
    """Each photo's logits by a head that learnt from the other folds."""
    logits = old.logits(lesson.features)
    for fold in range(FOLDS):
        asked = lesson.folds == fold
        if asked.any() and not asked.all():
            head = _fit(old, lesson.features[~asked], lesson.right[~asked], pull)
            logits[asked] = head.logits(lesson.features[asked])
    return logits


def _is_right(logits: NDArray[np.float32], lesson: Lesson) -> NDArray[np.bool_]:
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
