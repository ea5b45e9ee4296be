# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from consumer.enrichment.ontology import Ontology
from tests.support.datasets import photo, write_styles
from triton_models.training.corpus import read_corpus
from triton_models.training.frozen_rows import FrozenRows, RowReader, learnable
from triton_models.training.progress import Silent
from triton_models.training.recipe import ImageStage
from triton_models.training.split import Split
from triton_models.training.trunk_features import FrozenTrunk, TrunkFeatures
from triton_models.training.views import ViewCache

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 64
STAGE = ImageStage(epochs=1, whole_px=(SIDE, SIDE), detail_px=SIDE, trunk_rate=0, head_rate=0)


def made_up(families: tuple[str, ...], **targets: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> FrozenRows:
    count = len(families)
    return FrozenRows(np.arange(count, dtype=np.float16)[:, None], ("catalogue",) * count, families, targets)


def test_products_of_a_split_have_features_unless_their_photo_cannot_be_decoded(tmp_path: Path) -> None:
    rows = [
        (str(number), "", ("Men", "Women")[number % 2], "Shirts", "Blue", "", f"Acme {number}", "Apparel")
        for number in range(60)
    ]
    photos = {str(number): photo("red", number) for number in range(60)} | {"7": b"no photo"}
    corpus = read_corpus([write_styles(tmp_path / "data", rows, photos)], Ontology.load("v1"))
    features = TrunkFeatures(FrozenTrunk("small", None, STAGE), tmp_path / "features")
    reader = RowReader(corpus, ViewCache(tmp_path / "views", SIDE), features, Silent())

    found = {split: reader.read(split) for split in (Split.TRAIN, Split.VALIDATION)}

    readable = {split: [row for row in corpus.splits[split] if corpus.products[row].id != "7"] for split in found}
    assert 7 in corpus.splits[Split.TRAIN]
    for split, part in found.items():
        assert part.features.shape == (len(readable[split]), 1024)
        assert part.datasets == ("fashion-product-images",) * len(part)
        wanted = corpus.targets(readable[split])
        for handle, right in part.targets.items():
            np.testing.assert_array_equal(right, wanted[handle])
    assert not set(found[Split.TRAIN].families) & set(found[Split.VALIDATION].families)


def test_a_share_keeps_families_whole_and_lies_within_a_larger_one() -> None:
    rows = made_up(tuple(str(row // 4) for row in range(400)), sign=np.eye(2, dtype=np.bool_)[[0, 1] * 200])

    half, quarter = rows.share(0.5), rows.share(0.25)

    assert set(quarter.families) < set(half.families) < set(rows.families)
    assert 140 < len(half) < 260
    assert all(half.families.count(family) == 4 for family in set(half.families))
    kept = [row for row, family in enumerate(rows.families) if family in set(half.families)]
    np.testing.assert_array_equal(half.features, rows.features[kept])
    np.testing.assert_array_equal(half.targets["sign"], rows.targets["sign"][kept])
    assert len(rows.share(1.0)) == 400


def test_only_what_has_two_answers_to_learn_and_one_to_judge_is_asked() -> None:
    none, one = np.zeros((4, 2), np.bool_), np.eye(2, dtype=np.bool_)[[0, 0, 0, 0]]
    two = np.eye(2, dtype=np.bool_)[[0, 1, 0, 1]]
    training = made_up(("a", "b", "c", "d"), none=none, one=one, two=two, unjudged=two)
    judged = replace(training, targets={"none": two, "one": two, "two": two, "unjudged": none})

    assert learnable(training, judged=judged) == ["two"]
