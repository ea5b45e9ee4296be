# SPDX-License-Identifier: Apache-2.0
"""Products from files, through the stages of the service with the models in this process: no Kafka, no Triton.

What `hangtag models predict` does.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from consumer.enrichment.lexicon import Lexicon
from consumer.enrichment.ontology import Ontology
from consumer.feeds.formats import Format
from consumer.feeds.push import Feed, read_feed
from consumer.feeds.rows import BadRow, Row, read_events
from consumer.images.decode_pool import DecodePool
from consumer.images.files import PHOTO_SUFFIXES, FileBodies
from consumer.images.loading import Loader
from consumer.observability.metrics import Metrics
from consumer.stages.enrich import Enrich
from consumer.stages.fetch import Fetch
from consumer.stages.infer import Infer, Patience
from consumer.tagging import Product, delivered
from triton_models.export.in_process import InProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from consumer.attributes import ProductAttributes
    from consumer.bundle import Bundle
    from consumer.feeds.rows import EventRow
    from consumer.settings import Settings

#: Who sent products that do not say.
_VENDOR = "local"

#: Products under way at once: while one is inferred, the photos of others are decoded.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Products of a folder, and what of it could not be used."""

    products: tuple[Product, ...]
    faults: tuple[str, ...]
    """File or line, and why it was left out."""


def photos_of(folder: Path, at: datetime) -> Catalogue:
    """Every photo below the folder as a product of its own; its path in the folder is its SKU."""
    photos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES and path.is_file())
    rows = (
        Row(line, {"sku": name, "image_urls": [name]})
        for line, name in enumerate((path.relative_to(folder).as_posix() for path in photos), 1)
    )
    return _catalogue(read_events(rows, at, _VENDOR), folder, "photo")


def table_of(table: Path, folder: Path) -> Catalogue:
    """The rows of a CSV table whose columns bear the names of ProductEvent's fields; `image_urls` names photos.

    Those are paths in the folder, several with blanks between them. Raises FeedInvalid where the table is none.
    """
    return _catalogue(read_feed(Feed(table, Format.CSV, _VENDOR)), folder, f"{table} line")


def _catalogue(rows: Iterable[EventRow | BadRow], folder: Path, where: str) -> Catalogue:
    products, faults = [], []
    for row in rows:
        if isinstance(row, BadRow):
            faults.append(f"{where} {row.line}: {row.reason}")
            continue
        files = {name: folder / name for name in row.event.image_urls}
        missing = {name for name, file in files.items() if not _lies_in(folder, file)}
        faults += [f"{where} {row.line}: there is no photo {name} in {folder}" for name in sorted(missing)]
        kept = tuple(name for name in row.event.image_urls if name not in missing)
        products.append(Product(replace(row.event, image_urls=kept), files))
    return Catalogue(tuple(products), tuple(faults))


def _lies_in(folder: Path, file: Path) -> bool:
    """A table may come from a stranger: what it names outside of the folder is not looked at."""
    return file.resolve().is_relative_to(folder.resolve()) and file.is_file()


def predict(
    bundle: Bundle, settings: Settings, products: Sequence[Product], progress: Callable[[int, int], None]
) -> Iterator[ProductAttributes]:
    """What the service would publish for each product, in their order; a photo that cannot be read is told in it."""
    with asyncio.Runner() as runner:
        # A name stands for one file of the folder, whichever product names it.
        files = {name: file for product in products for name, file in product.files.items()}
        predictor = runner.run(_opened(bundle, settings, files))
        try:
            for start in range(0, len(products), _AT_ONCE):
                part = products[start : start + _AT_ONCE]
                yield from runner.run(predictor.tag_all(part))
                progress(start + len(part), len(products))
        finally:
            predictor.close()


async def _opened(bundle: Bundle, settings: Settings, files: Mapping[str, Path]) -> _Predictor:
    return _Predictor(bundle, settings, files)


class _Predictor:
    """For one event loop. Whoever makes it closes it."""

    def __init__(self, bundle: Bundle, settings: Settings, files: Mapping[str, Path]) -> None:
        manifest = bundle.manifest
        metrics, models = Metrics(), InProcess(bundle)
        patience = Patience(settings.triton.poison_attempts, settings.engine.event_deadline_s)
        images = settings.images
        self._pool = DecodePool(images, metrics)
        bodies = FileBodies(files, images.max_body_bytes)
        self._fetch = Fetch(Loader(bodies, self._pool, images.body_bytes, manifest.side), images.per_product)
        self._infer = Infer(models, models, bundle, patience, metrics)
        self._enrich = Enrich(
            Ontology.load(manifest.ontology),
            Lexicon.load(manifest.lexicon),
            manifest,
            bundle.thresholds,
            precision=models.precision,
        )

    async def tag_all(self, products: Sequence[Product]) -> list[ProductAttributes]:
        """In their order."""
        return await asyncio.gather(*map(self._tag, products))

    async def _tag(self, product: Product) -> ProductAttributes:
        enriched = await self._enrich(await self._infer(await self._fetch(delivered(product.event))))
        return enriched.attributes

    def close(self) -> None:
        """End the threads."""
        self._pool.close()
