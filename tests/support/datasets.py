# SPDX-License-Identifier: Apache-2.0
"""The fixture `catalogue`, a small folder in the shape of a data set, its photos drawn; what writes such folders."""

from __future__ import annotations

import csv
import io
import zipfile
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw

from tests.support.require import require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

STYLES = ("id", "group", "gender", "articleType", "baseColour", "season", "productDisplayName", "masterCategory")
IMAGES = ("image", "sender_id", "label", "kids")


def photo(colour: str, number: int = 0) -> bytes:
    """A JPEG of one colour with a bar; another number, another height of the bar, so that no two are one photo."""
    picture = Image.new("RGB", (60, 80), colour)
    ImageDraw.Draw(picture).rectangle((number % 8, 0, 20 + number // 8, 10 + number % 60), fill="grey")
    body = io.BytesIO()
    picture.save(body, "JPEG")
    return body.getvalue()


def write_styles(folder: Path, rows: Sequence[tuple[str, ...]], photos: Mapping[str, bytes]) -> Path:
    return write_folder(folder, "styles.csv", (STYLES, *rows), {f"{name}.jpg": body for name, body in photos.items()})


def write_folder(folder: Path, table: str, rows: Sequence[tuple[str, ...]], photos: Mapping[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    with (folder / table).open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for name, body in photos.items():
            archive.writestr(name, body)
    return folder


@pytest.fixture(scope="session")
def _train_extra() -> None:
    found = all(find_spec(name) for name in ("torch", "torchvision", "onnxscript", "safetensors"))
    require("the extra `train`", found, "pip install -e '.[train]'")


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [
        (
            str(number),
            f"family {number}",
            ("Men", "Women", "Boys", "")[number % 4],
            ("Tshirts", "Shirts", "Dresses")[number % 3],
            ("Black", "Blue")[number % 2],
            "Summer",
            f"Acme Men Red Shirt {number}",
            "Apparel",
        )
        for number in range(120)
    ]
    photos = {row[0]: photo(row[4].lower(), int(row[0])) for row in rows if int(row[0]) % 10}
    return write_styles(tmp_path_factory.mktemp("data") / "catalogue", rows, photos)
