# SPDX-License-Identifier: Apache-2.0
"""Photos taken at home, each judged by a tower that never saw its sender."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from consumer.enrichment.ontology import Ontology
from tests.support.datasets import IMAGES, photo, write_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from triton_models.training.recipe import Recipe

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(300)]

CLASSES = {"T-Shirt": "red", "Longsleeve": "blue", "Pants": "yellow"}
SENDERS, PHOTOS = 16, 96


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Classes that differ in colour; two photos that say nothing; two senders who share a photo."""
    kinds = itertools.cycle(CLASSES)
    rows = [(f"p{n}", str(n % SENDERS), next(kinds), "False") for n in range(PHOTOS)]
    rows += [("unsure", "1", "Not sure", "False"), ("other", "2", "Other", "False")]
    photos = {f"{name}.jpg": photo(CLASSES.get(label, "green"), n) for n, (name, _, label, _) in enumerate(rows)}
    photos["p1.jpg"] = photos["p3.jpg"]
    return write_folder(tmp_path_factory.mktemp("home") / "clothing", "images.csv", (IMAGES, *rows), photos)


def test_every_photo_is_judged_once_by_a_tower_that_never_saw_its_sender(
    home: Path, drawn_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    import torch

    from triton_models.training.corpus import read_corpus
    from triton_models.training.cross_validate import FOLDS, CrossValidation, share_by_sender
    from triton_models.training.image_side import ImageSide
    from triton_models.training.progress import Silent
    from triton_models.training.recipe import ImageStage

    ontology = Ontology.load("v1")
    corpus = read_corpus([home], ontology)
    small = replace(drawn_recipe.image, backbone="small", frozen_blocks=0)
    side = ImageSide(corpus, None, replace(drawn_recipe, image=small), tmp_path)
    side.see(Silent())
    noted = {name: Noted(getattr(side, name)) for name in ("learn_from", "vectors")}
    for name, noting in noted.items():
        monkeypatch.setattr(side, name, noting)
    before = {name: value.clone() for name, value in side.state().items()}

    stage = ImageStage(epochs=12, whole_px=(48, 48), detail_px=32, trunk_rate=1e-3, head_rate=3e-3)
    judged = CrossValidation(corpus, ontology, side).run(stage, tmp_path / "runs", Silent())

    learnt, asked = noted["learn_from"].rows, noted["vectors"].rows
    assert len(learnt) == len(asked) == FOLDS
    assert len(judged) == PHOTOS == len(set().union(*asked))
    for seen, left_out in zip(learnt, asked, strict=True):
        assert not {corpus.products[row].group for row in seen} & {corpus.products[row].group for row in left_out}
    assert share_by_sender(judged).accuracy > 0.9
    assert all(torch.equal(value, before[name]) for name, value in side.state().items())


class Noted:
    """Calls a method, and keeps the rows that each call was about."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        self.rows: list[set[int]] = []

    def __call__(self, rows: Sequence[int], *rest: Any) -> Any:
        self.rows.append(set(rows))
        return self._method(rows, *rest)


def test_the_interval_is_wider_where_few_senders_decide() -> None:
    from triton_models.training.cross_validate import Judged, share_by_sender

    alike = [Judged(str(n % 4), "Hat", "Hat" if n % 4 else "Skirt") for n in range(200)]
    apart = [Judged(str(n), "Hat", "Hat" if n % 4 else "Skirt") for n in range(200)]

    few, many = share_by_sender(alike), share_by_sender(apart)

    assert few.accuracy == many.accuracy == 0.75
    assert (few.n, many.n) == (200, 200)
    assert few.ci95[1] - few.ci95[0] > 3 * (many.ci95[1] - many.ci95[0])
    assert many.ci95[0] < 0.75 < many.ci95[1]
