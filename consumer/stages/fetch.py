# SPDX-License-Identifier: Apache-2.0
"""The second stage: the product's image URLs -> checked pixels. A lost image is not a lost event."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.attributes import ImageStatus
from consumer.events import FetchedProduct, FetchReason, LostImage, UsableImage

if TYPE_CHECKING:
    from consumer.events import DecodedProduct, ProductImage
    from consumer.images.loading import Loader

_STATUS_OF_REASON = {
    FetchReason.UNSUPPORTED_FORMAT: ImageStatus.DECODE_FAILED,
    FetchReason.TOO_MANY_PIXELS: ImageStatus.DECODE_FAILED,
    FetchReason.TRUNCATED: ImageStatus.DECODE_FAILED,
    FetchReason.UNDECODABLE: ImageStatus.DECODE_FAILED,
    FetchReason.TOO_SMALL: ImageStatus.TOO_SMALL,
}


class Fetch:
    """Tries the first URLs of a product, all at once, and keeps their order. Never raises for an image."""

    def __init__(self, loader: Loader, per_product: int) -> None:
        self._loader = loader
        self._per_product = per_product

    async def __call__(self, decoded: DecodedProduct) -> FetchedProduct:
        """The fate of each URL tried; one that is listed twice is fetched once."""
        event = decoded.event
        urls = event.image_urls[: self._per_product]
        async with asyncio.TaskGroup() as group:
            tasks = {url: group.create_task(self._image(url, event.vendor_id)) for url in dict.fromkeys(urls)}
        images = tuple(tasks[url].result() for url in urls)
        return FetchedProduct(decoded, images, urls_dropped=len(event.image_urls) - len(urls))

    async def _image(self, url: str, vendor_id: str) -> ProductImage:
        loaded = await self._loader.load(url, vendor_id)
        if isinstance(loaded.views, FetchReason):
            reason = loaded.told or loaded.views
            status = _STATUS_OF_REASON.get(reason, ImageStatus.FETCH_FAILED)
            return LostImage(url, status, reason, loaded.content_hash)
        assert loaded.content_hash is not None
        return UsableImage(url, loaded.content_hash, loaded.views)
