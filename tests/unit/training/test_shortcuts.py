# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from triton_models.training.evaluate import Answers
from triton_models.training.shortcuts import Hidden, among, frames, hide

SIDE = 120
RED = np.full((2, SIDE, SIDE, 3), (255, 0, 0), np.uint8)
NARROW = (60, 80)


def hidden_shares(hidden: Hidden, size: tuple[int, int]) -> tuple[float, float]:
    """Of the picture in the whole view, without the margin, and of the detail."""
    painted = (hide(RED, size, hidden) != RED).any(3)
    width, height = (length * SIDE / max(size) for length in size)
    return painted[0].sum() / (width * height), painted[1].mean()


def test_the_margin_beside_a_narrow_picture_is_outside_of_it() -> None:
    whole, detail = frames(*NARROW, SIDE)

    assert (whole.down[0], whole.down[-1]) == pytest.approx((0.5 / SIDE, 1 - 0.5 / SIDE))
    assert whole.across[0] < 0 < whole.across[15]
    assert (detail.across[0], detail.across[-1]) == pytest.approx((0.2, 0.8), abs=0.01)
    assert (detail.down[0], detail.down[-1]) == pytest.approx((0.275, 0.725), abs=0.01)


def test_the_detail_of_a_large_picture_is_as_large_as_the_view() -> None:
    _, detail = frames(1200, 600, SIDE)

    assert (detail.across[0], detail.across[-1]) == pytest.approx((0.45, 0.55), abs=0.001)
    assert (detail.down[0], detail.down[-1]) == pytest.approx((0.4, 0.6), abs=0.001)


@pytest.mark.parametrize(
    ("hidden", "size", "shares"),
    [
        (Hidden.NOTHING, NARROW, (0, 0)),
        (Hidden.BORDER, NARROW, (0.51, 0)),
        (Hidden.WHITE_BORDER, NARROW, (0.51, 0)),
        (Hidden.UPPER, NARROW, (0.2, 0)),
        (Hidden.MIDDLE, NARROW, (0.2, 0.74)),
        (Hidden.BORDER, (80, 80), (0.51, 0)),
        (Hidden.UPPER, (80, 40), (0.2, 0)),
    ],
)
def test_the_same_part_of_the_picture_is_hidden_in_both_views(
    hidden: Hidden, size: tuple[int, int], shares: tuple[float, float]
) -> None:
    assert hidden_shares(hidden, size) == pytest.approx(shares, abs=0.03)


def test_what_is_hidden_is_grey_or_white_and_the_given_views_stay() -> None:
    views = RED.copy()

    assert (hide(views, (80, 80), Hidden.UPPER)[0, 0] == 128).all()
    assert (hide(views, (80, 80), Hidden.WHITE_BORDER)[0, 0] == 255).all()
    np.testing.assert_array_equal(views, RED)


def test_answers_about_some_products_keep_their_rows() -> None:
    answers = Answers((0, 1, 3), ("image",) * 3, {"task": np.eye(3, dtype=np.float32)}, undecodable=())

    kept = among(answers, {1, 3, 7})

    assert (kept.rows, kept.heads) == ((1, 3), ("image", "image"))
    np.testing.assert_array_equal(kept.probabilities["task"], np.eye(3)[1:])
