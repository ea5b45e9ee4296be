# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import zipfile
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw

from triton_models.training.datasets import CLOTHING_DATASET, FASHION_PRODUCT_IMAGES, LabelledProduct, Photo
from triton_models.training.view_examples import draw_view_examples
from triton_models.training.view_rules import ViewKind

if TYPE_CHECKING:
    from pathlib import Path

SHOE = {"masterCategory": "Footwear", "subCategory": "Shoes"}


def jpeg(picture: Image.Image) -> bytes:
    body = io.BytesIO()
    picture.save(body, "JPEG", quality=95)
    return body.getvalue()


def shoe(size: tuple[int, int]) -> bytes:
    picture = Image.new("RGB", size, "white")
    width, height = size
    ImageDraw.Draw(picture).rectangle((width // 4, height // 3, width * 3 // 4, height * 2 // 3), fill="navy")
    return jpeg(picture)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "images.zip"
    bodies = {"small": shoe((60, 80)), "large": shoe((360, 480)), "home": jpeg(Image.new("RGB", (256, 340), "olive"))}
    with zipfile.ZipFile(path, "w") as opened:
        for name, body in {**bodies, "broken": b"no photo"}.items():
            opened.writestr(f"{name}.jpg", body)
    return path


def products(dataset: str, labels: dict[str, str], count: int, *photos: Photo) -> list[LabelledProduct]:
    return [LabelledProduct(dataset, str(number), "", "", labels, photos) for number in range(count)]


def of(archive: Path, *names: str) -> tuple[Photo, ...]:
    return tuple(Photo(archive, f"{name}.jpg") for name in names)


def size(body: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(body)) as picture:
        return picture.size


def test_a_catalogue_photo_teaches_at_both_sizes_in_another_frame_and_by_its_middle(archive: Path) -> None:
    catalogue = products(FASHION_PRODUCT_IMAGES, SHOE, 12, *of(archive, "small", "large"))

    kinds = Counter(example.kind for example in draw_view_examples(catalogue, 12))

    assert kinds[ViewKind.DETAIL] == 12
    assert kinds[ViewKind.WHITE_BACKGROUND] > 24  # both photos of each, and some of the frames
    assert kinds[ViewKind.WHITE_BACKGROUND] + kinds[ViewKind.UNKNOWN] == 36


def test_home_photos_teach_at_their_size_and_shrunk(archive: Path) -> None:
    home = products(CLOTHING_DATASET, {"label": "Pants"}, 12, *of(archive, "home"))

    examples = draw_view_examples(home, 12)

    assert {example.kind for example in examples} == {ViewKind.UNKNOWN}
    assert {size(example.body) for example in examples} == {(256, 340), (60, 80)}


def test_most_is_of_each_data_set_and_products_with_more_photos_come_first(archive: Path) -> None:
    poor = products(FASHION_PRODUCT_IMAGES, SHOE, 5, *of(archive, "small"))
    rich = [*products(FASHION_PRODUCT_IMAGES, SHOE, 7, *of(archive, "small", "large"))[5:]]
    home = products(CLOTHING_DATASET, {"label": "Pants"}, 5, *of(archive, "home"))

    kinds = Counter(example.kind for example in draw_view_examples([*poor, *home, *rich], 2))

    assert kinds[ViewKind.DETAIL] == 2


def test_the_order_of_the_file_changes_nothing(archive: Path) -> None:
    catalogue = products(FASHION_PRODUCT_IMAGES, SHOE, 6, *of(archive, "small"))

    assert draw_view_examples(catalogue, 3) == draw_view_examples(catalogue[::-1], 3)


def test_what_cannot_be_decoded_is_left_out(archive: Path) -> None:
    broken = products(FASHION_PRODUCT_IMAGES, SHOE, 2, *of(archive, "broken"))

    assert draw_view_examples(broken, 2) == []
