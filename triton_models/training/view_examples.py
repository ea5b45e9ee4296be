# SPDX-License-Identifier: Apache-2.0
"""Pictures that teach the view-type head: photos that a rule is sure of, and pictures made of photos."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from triton_models.training.datasets import CLOTHING_DATASET, PhotoArchive
from triton_models.training.view_grounds import floor_of, reframed
from triton_models.training.view_rules import RULED_SIDE_PX, ViewKind, kind_of, middle_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from triton_models.training.datasets import LabelledProduct

_QUALITY = 90
#: Home photos whose corners become grounds.
_FLOORS = 100


@dataclass(frozen=True, slots=True)
class ViewExample:
    """One picture and what it is."""

    body: bytes
    kind: ViewKind


def draw_view_examples(products: Iterable[LabelledProduct], most: int) -> list[ViewExample]:
    """The pictures of at most so many products of each data set, by an order that has nothing to do with the file's.

    Of the catalogue those with a large photo come first: only of large photos can details be made, and if the other
    kinds were all small, a sharp picture would be a detail. Photos that cannot be decoded are left out.
    """
    by_dataset: dict[str, list[LabelledProduct]] = {}
    for product in sorted(products, key=_rank):
        by_dataset.setdefault(product.dataset, []).append(product)
    with PhotoArchive() as archive:
        homes = by_dataset.get(CLOTHING_DATASET, [])[:_FLOORS]
        floors = [floor_of(picture) for product in homes for _, picture in _photos(product, archive)]
        chosen = [product for members in by_dataset.values() for product in members[:most]]
        return [example for product in chosen for example in _examples_of(product, archive, floors)]


def _rank(product: LabelledProduct) -> tuple[int, bytes]:
    return -len(product.photos), hashlib.sha256(f"views/{product.key}".encode()).digest()


def _photos(product: LabelledProduct, archive: PhotoArchive) -> Iterator[tuple[bytes, Image.Image]]:
    for photo in product.photos:
        body = archive.read(photo)
        try:
            with Image.open(io.BytesIO(body)) as opened:
                picture = opened.convert("RGB")
        except (OSError, ValueError):
            continue
        yield body, picture


def _examples_of(
    product: LabelledProduct, archive: PhotoArchive, floors: Sequence[Image.Image]
) -> Iterator[ViewExample]:
    chance = _rank(product)[1][0]
    photos = [(body, picture, kind_of(product, picture)) for body, picture in _photos(product, archive)]
    for body, picture, kind in photos:
        if kind:
            # All home photos are large, which is no kind of view: every second one is shrunk.
            is_shrunk = product.dataset == CLOTHING_DATASET and chance % 2
            yield ViewExample(_shrunk(picture) if is_shrunk else body, kind)
    if photos:
        _, picture, kind = photos[chance % len(photos)]
        made = reframed(product, picture, kind, floors) if kind else None
        if made:
            yield ViewExample(_jpeg(made[0]), made[1])
        # The last photo is the largest.
        middle = middle_of(product, photos[-1][1])
        if middle:
            yield ViewExample(_jpeg(middle), ViewKind.DETAIL)


def _shrunk(picture: Image.Image) -> bytes:
    """To what most photos of the catalogue have."""
    small = picture.copy()
    small.thumbnail((RULED_SIDE_PX, RULED_SIDE_PX))
    return _jpeg(small)


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
