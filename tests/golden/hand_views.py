# SPDX-License-Identifier: Apache-2.0
"""The pictures of `views/labels.csv`, and what a person saw on them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from triton_models.training.view_rules import ViewKind, middle_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triton_models.training.datasets import LabelledProduct, PhotoArchive

_LABELS = Path(__file__).with_name("views") / "labels.csv"
_FOREIGN = "retail-demo-store/"


@dataclass(frozen=True, slots=True)
class HandLabel:
    """One line of the file."""

    product: str
    picture: str
    view: ViewKind

    @property
    def sample(self) -> str:
        """Which part of the file it is of: figures of different parts are not to be mixed."""
        return "foreign" if self.product.startswith(_FOREIGN) else self.picture

    def body(self, data: Path, products: Mapping[str, LabelledProduct], archive: PhotoArchive) -> bytes:
        """The picture's bytes; `products` are those of both data sets by key."""
        if self.sample == "foreign":
            name = self.product.removeprefix(_FOREIGN)
            return (data / "retail-demo-store" / "fixture" / "images" / f"{name}.jpg").read_bytes()
        product = products[self.product]
        if self.picture == "photo":
            return archive.read(product.photos[0])
        with Image.open(io.BytesIO(archive.read(product.photos[-1]))) as opened:
            middle = middle_of(product, opened.convert("RGB"))
        assert middle is not None
        out = io.BytesIO()
        middle.save(out, "JPEG", quality=90)
        return out.getvalue()


def read_hand_labels() -> list[HandLabel]:
    with _LABELS.open(newline="", encoding="utf-8") as file:
        return [HandLabel(row["product"], row["picture"], ViewKind(row["view"])) for row in csv.DictReader(file)]
