# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from triton_models.training.calibrate import CalibrationSet
from triton_models.training.examples import Examples
from triton_models.training.fuse import log_shares, unweighed, weigh, weigh_safely
from triton_models.training.heads import FusedHead, LinearHead

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest
    from numpy.typing import NDArray

RANDOM = np.random.default_rng(3)
CLASSES, PRODUCTS = 4, 800
SECOND_HALF = np.arange(PRODUCTS) >= PRODUCTS / 2


def head(dim: int) -> LinearHead:
    weight = RANDOM.normal(size=(CLASSES, dim)).astype(np.float32)
    return LinearHead(weight, RANDOM.normal(size=CLASSES).astype(np.float32), temperature=1.5)


IMAGE, TEXT = head(6), head(5)
PRIOR = np.log(np.array([0.4, 0.3, 0.2, 0.1], np.float32))
FEATURES = RANDOM.normal(size=(PRODUCTS, 11)).astype(np.float32)


def examples(knowing: LinearHead, inputs: NDArray[np.float32]) -> CalibrationSet:
    """Products whose label one side knows."""
    return labelled(knowing, FEATURES, inputs)


def labelled(knowing: LinearHead, features: NDArray[np.float32], inputs: NDArray[np.float32]) -> CalibrationSet:
    columns = replace(knowing, temperature=0.3).logits(inputs).argmax(1)
    return CalibrationSet(features, np.eye(CLASSES, dtype=np.bool_)[columns])


def share_right(fused: FusedHead, rows: CalibrationSet) -> float:
    return float(rows.right[np.arange(PRODUCTS), fused.logits(rows.features).argmax(1)].mean())


def test_without_a_text_the_fused_head_is_the_photos() -> None:
    fused = unweighed(IMAGE, TEXT, PRIOR).by_photo()

    np.testing.assert_allclose(fused.probabilities(FEATURES), IMAGE.probabilities(FEATURES[:, :6]), atol=1e-5)


def test_a_text_that_knows_no_more_than_the_prior_changes_nothing() -> None:
    silent = LinearHead(np.zeros((CLASSES, 5), np.float32), PRIOR)
    fused = unweighed(IMAGE, silent, PRIOR)
    fused = replace(fused, weights=replace(fused.weights, prior=1.0))

    np.testing.assert_allclose(fused.probabilities(FEATURES), IMAGE.probabilities(FEATURES[:, :6]), atol=1e-5)


def test_the_side_that_knows_is_followed() -> None:
    by_photo, by_text = examples(IMAGE, FEATURES[:, :6]), examples(TEXT, FEATURES[:, 6:])
    start = unweighed(IMAGE, TEXT, PRIOR)

    assert share_right(weigh(start, [(1.0, by_photo)]), by_photo) > max(0.95, share_right(start, by_photo))
    assert share_right(weigh(start, [(1.0, by_text)]), by_text) > max(0.95, share_right(start, by_text))


def test_a_text_is_believed_where_its_vector_says_that_it_tells_something() -> None:
    told, hollow = FEATURES.copy(), FEATURES.copy()
    told[:, -1], hollow[:, -1] = 2.0, -2.0
    by_text, by_photo = labelled(TEXT, told, told[:, 6:]), labelled(IMAGE, hollow, hollow[:, :6])

    fused = weigh(unweighed(IMAGE, TEXT, PRIOR), [(1.0, by_text), (1.0, by_photo)])
    open_told, open_hollow = (
        fused.weights.gate.open(features[:, 6:], np.full(PRODUCTS, 0.9, np.float32)).mean()
        for features in (told, hollow)
    )

    assert open_told > 3 * open_hollow
    assert min(share_right(fused, by_text), share_right(fused, by_photo)) > 0.85


def test_where_no_text_was_learnt_the_photo_decides() -> None:
    silent = LinearHead(np.zeros((CLASSES, 5), np.float32), np.zeros(CLASSES, np.float32))
    rows = CalibrationSet(FEATURES, np.zeros((PRODUCTS, CLASSES), np.bool_))

    fused = weigh(unweighed(IMAGE, silent, PRIOR), [(1.0, rows)])

    np.testing.assert_allclose(fused.probabilities(FEATURES), IMAGE.probabilities(FEATURES[:, :6]), atol=1e-5)


def test_titles_that_say_nothing_count_for_more_until_they_do_no_harm() -> None:
    def as_examples(rows: CalibrationSet) -> Examples:
        return Examples(tuple(range(PRODUCTS)), rows.features, {"color": rows.right}, SECOND_HALF)

    told, hollow = examples(TEXT, FEATURES[:, 6:]), examples(IMAGE, FEATURES[:, :6])
    start = unweighed(IMAGE, TEXT, PRIOR)

    heedless = weigh(start, [(1.0, told)])
    safe = weigh_safely(start, as_examples(told), [as_examples(hollow)], "color")
    unharmed = weigh_safely(start, as_examples(told), [as_examples(told)], "color")

    assert share_right(safe, hollow) > share_right(heedless, hollow) + 0.2
    assert share_right(unharmed, told) > 0.95


def test_where_no_product_has_a_label_the_photo_decides() -> None:
    nothing = CalibrationSet(FEATURES[:0], np.zeros((0, CLASSES), np.bool_))
    start = unweighed(IMAGE, TEXT, PRIOR)

    assert weigh(start, [(1.0, nothing), (0.2, nothing)]).weights.told() == start.by_photo().weights.told()


def test_that_they_do_no_harm_is_tried_on_products_that_the_weights_have_not_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taught: dict[float, set[float]] = {}
    tried: list[tuple[float, set[float]]] = []

    def weigh_and_tell(start: FusedHead, sets: Sequence[tuple[float, CalibrationSet]]) -> FusedHead:
        """Numbered by its temperature; products are known by what their photo gives first."""
        number = 2.0 + len(taught)
        taught[number] = {product for _, rows in sets for product in rows.features[:, 0].tolist()}
        return replace(weigh(start, sets), temperature=number)

    def rights_and_tell(self: Examples, handle: str, asked: FusedHead) -> NDArray[np.bool_]:
        tried.append((asked.temperature, set(self.features[:, 0].tolist())))
        return rights(self, handle, asked)

    rights = Examples.rights
    monkeypatch.setattr("triton_models.training.fuse.weigh", weigh_and_tell)
    monkeypatch.setattr(Examples, "rights", rights_and_tell)
    told, hollow = (
        Examples(tuple(range(PRODUCTS)), rows.features, {"color": rows.right}, SECOND_HALF)
        for rows in (examples(TEXT, FEATURES[:, 6:]), examples(IMAGE, FEATURES[:, :6]))
    )

    weigh_safely(unweighed(IMAGE, TEXT, PRIOR), told, [hollow], "color")

    assert len(set().union(*(products for _, products in tried))) == PRODUCTS
    assert all(not products & taught.get(number, set()) for number, products in tried)
    assert len(taught[max(taught)]) == PRODUCTS


def test_shares_count_rows_with_one_right_column_and_none_is_nothing() -> None:
    right = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]], dtype=np.bool_)

    np.testing.assert_allclose(np.exp(log_shares(right)), [3 / 6, 2 / 6, 1 / 6], rtol=1e-5)
