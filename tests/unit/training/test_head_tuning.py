# SPDX-License-Identifier: Apache-2.0
"""One head, drawn features: what a lesson teaches, and when chance does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from triton_models.training.head_tuning import FOLDS, Lesson, TunedHead, tuned_head
from triton_models.training.heads import LinearHead

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIM = 8


def lesson_of(features: NDArray[np.float64], answers: NDArray[np.int64]) -> Lesson:
    return Lesson(
        features.astype(np.float32),
        np.eye(2, dtype=np.bool_)[answers],
        tuple("ab"[answer] for answer in answers),
        np.arange(len(answers)) % FOLDS,
    )


def ignorant() -> LinearHead:
    return LinearHead(np.zeros((2, DIM), np.float32), np.zeros(2, np.float32))


def test_what_the_features_tell_is_learnt_and_answered_for_photos_it_has_not_seen() -> None:
    random = np.random.default_rng(1)
    answers = random.integers(0, 2, 60)
    features = random.normal(size=(60, DIM)) + 3 * answers[:, None]

    tuned = tuned_head(ignorant(), lesson_of(features, answers))

    assert tuned.is_gain
    assert tuned.after.mean() > 0.95
    assert (tuned.head.logits(features.astype(np.float32)).argmax(1) == answers).mean() > 0.95
    np.testing.assert_allclose(tuned.unseen.sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_what_they_do_not_tell_is_no_gain(seed: int) -> None:
    random = np.random.default_rng(seed)
    answers = random.integers(0, 2, 60)

    assert not tuned_head(ignorant(), lesson_of(random.normal(size=(60, DIM)), answers)).is_gain


@pytest.mark.parametrize(("won", "lost", "is_gain"), [(6, 0, True), (5, 0, False), (12, 4, False), (0, 6, False)])
def test_a_gain_is_one_that_chance_seldom_gives(won: int, lost: int, *, is_gain: bool) -> None:
    after = np.array([True] * won + [False] * lost + [True] * 40)
    before = np.array([False] * won + [True] * lost + [True] * 40)

    assert TunedHead(ignorant(), np.zeros((len(after), 2), np.float32), before, after).is_gain is is_gain
