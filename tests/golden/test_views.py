# SPDX-License-Identifier: Apache-2.0
"""The rules and the shipped head, held against what a person saw. With `-rP` the figures are printed."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from consumer.bundle import load_bundle
from consumer.images.decoding import decode
from tests.golden.hand_views import read_hand_labels
from triton_models.export.runtimes import IMAGE_ENCODER, OnnxRuntime
from triton_models.training.datasets import PhotoArchive, read_folder
from triton_models.training.metrics import share
from triton_models.training.view_rules import ViewKind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.golden.hand_views import HandLabel
    from triton_models.training.datasets import LabelledProduct

pytestmark = [pytest.mark.data, pytest.mark.slow]

#: By part of the sample, the share of right answers that a head must reach to be shipped.
BARS = {"photo": 0.95, "middle": 0.90}
_BATCH = 8


@pytest.fixture(scope="module")
def products(data_folder: Path) -> dict[str, LabelledProduct]:
    folders = (data_folder / name for name in ("fashion-product-images", "clothing-dataset"))
    return {product.key: product for folder in folders for product in read_folder(folder).products}


@pytest.fixture(scope="module")
def archive() -> Iterator[PhotoArchive]:
    with PhotoArchive() as opened:
        yield opened


@pytest.fixture(scope="module")
def bodies(data_folder: Path, products: dict[str, LabelledProduct], archive: PhotoArchive) -> dict[HandLabel, bytes]:
    return {label: label.body(data_folder, products, archive) for label in read_hand_labels()}


def test_a_rule_that_is_sure_is_right(bodies: dict[HandLabel, bytes], products: dict[str, LabelledProduct]) -> None:
    photos = {label: body for label, body in bodies.items() if label.sample == "photo"}

    said = {label: kind_of(products[label.product], Image.open(io.BytesIO(body))) for label, body in photos.items()}

    sure = {label: kind for label, kind in said.items() if kind}
    figures = share([kind is label.view for label, kind in sure.items()])
    print(f"sure of {len(sure)} of {len(said)}:", json.dumps(asdict(figures)))
    assert {kind for kind in said.values() if kind} == set(ViewKind) - {ViewKind.DETAIL}
    assert len(sure) >= 0.8 * len(said)
    assert figures.accuracy >= 0.98


@pytest.mark.train
def test_the_head_that_ships_sees_what_a_person_sees(bodies: dict[HandLabel, bytes]) -> None:
    bundle = load_bundle()
    answers = dict(zip(bodies, _answers(bundle.folder, [*bodies.values()]), strict=True))

    for sample in ("photo", "middle", "foreign"):
        asked = {label: answers[label] for label in bodies if label.sample == sample}
        figures = share([bundle.manifest.view_types[column] == label.view for label, column in asked.items()])
        print(f"{sample}:", json.dumps(asdict(figures)))
        assert figures.accuracy >= BARS.get(sample, 0)


def _answers(folder: Path, bodies: list[bytes]) -> Iterator[int]:
    run = OnnxRuntime(folder)
    side = load_bundle().manifest.side
    for start in range(0, len(bodies), _BATCH):
        views: list[NDArray[np.uint8]] = []
        for body in bodies[start : start + _BATCH]:
            decoded = decode(body, side)
            assert isinstance(decoded, np.ndarray)
            views.append(decoded)
        yield from run(IMAGE_ENCODER, {"images": np.stack(views)})["view_type"].argmax(1).tolist()
