# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from consumer.attributes import ViewType
from consumer.events import FetchReason
from consumer.images.decoding import decode
from triton_models.training.corpus import Corpus
from triton_models.training.datasets import CLOTHING_DATASET, FASHION_PRODUCT_IMAGES, LabelledProduct, Photo
from triton_models.training.progress import Silent
from triton_models.training.split import Split
from triton_models.training.view_rules import VIEW_TYPES, ViewKind
from triton_models.training.view_types import MIN_EXAMPLES, answer_views, fit_view_head, judge_views, learn_views

if TYPE_CHECKING:
    from triton_models.training.image_side import ImageSide

Vectors = NDArray[np.float32]
Lesson = tuple[Vectors, list[ViewKind]]

SMALL, LARGE = (60, 80), (360, 480)
KINDS = (
    (FASHION_PRODUCT_IMAGES, {"masterCategory": "Footwear", "subCategory": "Shoes"}, (SMALL, LARGE)),
    (FASHION_PRODUCT_IMAGES, {"masterCategory": "Apparel", "subCategory": "Topwear"}, (SMALL,)),
    (CLOTHING_DATASET, {"label": "Hoodie"}, (LARGE,)),
)
WHITE, MODEL, DETAIL, UNKNOWN = VIEW_TYPES


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    """Four clouds, one of them ten times as large as the others, and columns that say nothing."""
    random = np.random.default_rng(3)
    kinds = [WHITE] * 600 + [MODEL] * 60 + [DETAIL] * 60 + [UNKNOWN] * 60
    vectors = random.normal(size=(len(kinds), 12)).astype(np.float32)
    for row, kind in enumerate(kinds):
        vectors[row, VIEW_TYPES.index(kind)] += 3
    return vectors, kinds


def test_the_columns_are_words_of_the_event() -> None:
    assert [ViewType(kind.upper()) for kind in VIEW_TYPES] == [
        ViewType.WHITE_BACKGROUND,
        ViewType.ON_MODEL,
        ViewType.DETAIL,
        ViewType.UNKNOWN,
    ]


def test_kinds_are_told_apart_and_a_rare_one_counts_as_much(
    lesson: Lesson,
) -> None:
    vectors, kinds = lesson
    head = fit_view_head(vectors, kinds)

    assert head is not None
    np.testing.assert_allclose(head.probabilities(vectors).sum(1), 1, atol=1e-5)
    figures = judge_views(answer_views(head, vectors), kinds)
    assert all(figures["kinds"][kind]["recall"]["accuracy"] > 0.85 for kind in VIEW_TYPES)


def test_the_fit_has_no_chance_in_it(
    lesson: Lesson,
) -> None:
    first, again = (fit_view_head(*lesson) for _ in range(2))

    assert first is not None
    assert again is not None
    np.testing.assert_array_equal(first.weight, again.weight)


def test_without_enough_examples_of_a_kind_there_is_no_head() -> None:
    kinds = [kind for kind in VIEW_TYPES for _ in range(MIN_EXAMPLES)]
    vectors = np.zeros((len(kinds), 2), np.float32)

    assert fit_view_head(vectors, kinds) is not None
    assert fit_view_head(vectors[1:], kinds[1:]) is None
    assert fit_view_head(np.zeros((0, 2), np.float32), []) is None


class Stub:
    """In place of a tower: means over a coarse grid of the whole view."""

    def view_features(self, bodies: list[bytes], progress: object) -> dict[int, Vectors]:
        del progress
        seen = [decode(body, 32) for body in bodies]
        return {
            at: (views[0].reshape(8, 4, 8, 4, 3).mean((1, 3)) / 255).astype(np.float32).ravel()
            for at, views in enumerate(seen)
            if not isinstance(views, FetchReason)
        }


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Shoes on white at two sizes, shirts on people, hoodies on floors: half of each for validation."""
    archive = tmp_path_factory.mktemp("shop") / "images.zip"
    random = np.random.default_rng(5)
    products = []
    with zipfile.ZipFile(archive, "w") as opened:
        for number in range(360):
            dataset, labels, sizes = KINDS[number % 3]
            photos = []
            for size in sizes:
                body = io.BytesIO()
                drawn(number % 3, random).resize(size).save(body, "JPEG", quality=95)
                photos.append(Photo(archive, f"{number}-{size[0]}.jpg"))
                opened.writestr(photos[-1].member, body.getvalue())
            products.append(LabelledProduct(dataset, str(number), "", "", labels, tuple(photos)))
    rows = range(len(products))
    splits = {Split.TRAIN: tuple(rows[:240]), Split.VALIDATION: tuple(rows[240:])}
    return Corpus(tuple(products), {}, splits, (), {}, (), ())


def drawn(kind: int, random: np.random.Generator) -> Image.Image:
    shade = tuple(int(level) for level in random.integers(20, 120, 3))
    picture = Image.new("RGB", (60, 80), "white" if kind < 2 else (150, 120, 90))
    draw = ImageDraw.Draw(picture)
    if kind == 1:
        draw.rectangle((24, 4, 36, 22), fill=(224, 172, 140))
    draw.rectangle((10, 22, 50, 60 if kind == 0 else 79), fill=shade)
    return picture


def test_a_corpus_teaches_a_head_and_says_how_it_does(shop: Corpus) -> None:
    learnt = learn_views(shop, cast("ImageSide", Stub()), Silent())

    assert learnt.head is not None
    assert learnt.figures is not None
    assert learnt.figures["examples"].keys() == {"white_background", "on_model", "detail", "unknown"}
    assert learnt.figures["accuracy"]["accuracy"] > 0.9
    assert json.dumps(learnt.figures)


def test_a_corpus_without_people_teaches_none(shop: Corpus) -> None:
    rows = tuple(row for row in shop.splits[Split.TRAIN] if row % 3 != 1)

    learnt = learn_views(replace(shop, splits={**shop.splits, Split.TRAIN: rows}), cast("ImageSide", Stub()), Silent())

    assert (learnt.head, learnt.figures) == (None, None)


def test_figures_are_shares_with_their_n_and_interval() -> None:
    figures = judge_views([WHITE, WHITE, MODEL, UNKNOWN], [WHITE, MODEL, MODEL, DETAIL])

    assert figures["accuracy"]["accuracy"] == 0.5
    assert figures["accuracy"]["n"] == 4
    assert figures["kinds"]["white_background"]["precision"]["accuracy"] == 0.5
    assert figures["kinds"]["white_background"]["recall"] == {
        "accuracy": 1.0,
        "n": 1,
        "ci95": pytest.approx((0.21, 1), abs=0.01),
    }
    assert figures["kinds"]["detail"]["precision"]["n"] == 0
