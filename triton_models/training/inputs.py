# SPDX-License-Identifier: Apache-2.0
"""The titles and photos of labelled products as a model is shown them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.events import EventType, ProductEvent
from triton_models.training.shown import Inputs
from triton_models.training.variants import Variant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from triton_models.training.datasets import LabelledProduct, Photo
    from triton_models.training.titles import TitleWords


def with_titles_for(
    inputs: Inputs, products: Sequence[LabelledProduct], words: TitleWords
) -> Sequence[LabelledProduct]:
    """The same products, in their order, with the titles that the model is shown."""
    match inputs:
        case Inputs.BARE_TITLES:
            return [replace(product, title=words.strip(product.title)) for product in products]
        case Inputs.USELESS_TITLES:
            return [replace(product, title=_useless(product)) for product in products]
        case Inputs.FOREIGN_TITLES:
            return _exchanged(products)
        case _:
            return products


def photos_for(inputs: Inputs, products: Sequence[LabelledProduct]) -> dict[int, tuple[Photo, ...]]:
    """By position of each product that has a photo, the pictures that the model is shown of it."""
    own = {row: product.photo for row, product in enumerate(products) if product.photo is not None}
    match inputs:
        case Inputs.TITLES_ONLY:
            return {}
        case Inputs.SEVERAL_PHOTOS:
            return {row: tuple(replace(photo, variant=variant) for variant in Variant) for row, photo in own.items()}
        case Inputs.STRANGE_PHOTO:
            made = (Variant.WHOLE, Variant.UPPER_LEFT)
            return {
                row: (*(replace(own[row], variant=variant) for variant in made), own[stranger])
                for row, stranger in _ring(own, products)
            }
        case _:
            return {row: (photo,) for row, photo in own.items()}


def event_of(product: LabelledProduct) -> ProductEvent:
    """The product as a vendor would send it: a title and nothing else."""
    return ProductEvent(
        event_id=product.id,
        event_type=EventType.UPSERT,
        vendor_id=product.dataset,
        sku=product.id,
        product_version=1,
        occurred_at=datetime(1970, 1, 1, tzinfo=UTC),
        title=product.title,
    )


def _useless(product: LabelledProduct) -> str:
    """The first word, which is the brand's in catalogues, or a number; nothing of a product without a title."""
    if not product.title:
        return ""
    digest = _digest(product)
    return product.title.split()[0] if digest[0] % 2 else f"SKU-{digest[1:4].hex().upper()}"


def _exchanged(products: Sequence[LabelledProduct]) -> list[LabelledProduct]:
    """Titles go around among those that have one."""
    titled = [row for row, product in enumerate(products) if product.title]
    titles = {row: products[other].title for row, other in _ring(titled, products)}
    return [replace(product, title=titles.get(row, "")) for row, product in enumerate(products)]


def _ring(rows: Iterable[int], products: Sequence[LabelledProduct]) -> Iterator[tuple[int, int]]:
    """Each row with another one, in an order that has nothing to do with the file's, every row once on either side."""
    ring = sorted(rows, key=lambda row: _digest(products[row]))
    return zip(ring, [*ring[1:], *ring[:1]], strict=True)


def _digest(product: LabelledProduct) -> bytes:
    return hashlib.sha256(product.key.encode()).digest()
