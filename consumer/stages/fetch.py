# SPDX-License-Identifier: Apache-2.0
"""The second stage: the product's image URLs -> checked pixels. A lost image is not a lost event."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from consumer.attributes import ImageStatus
from consumer.events import FetchedProduct, FetchReason, LostImage, UsableImage
from consumer.images.http import FetchFailed

if TYPE_CHECKING:
    from consumer.events import DecodedProduct, ProductImage
    from consumer.images.decode_pool import DecodePool
    from consumer.images.http import FetchResult
    from consumer.settings import ImageSettings

_STATUS_OF_REASON = {
    FetchReason.UNSUPPORTED_FORMAT: ImageStatus.DECODE_FAILED,
    FetchReason.TOO_MANY_PIXELS: ImageStatus.DECODE_FAILED,
    FetchReason.TRUNCATED: ImageStatus.DECODE_FAILED,
    FetchReason.UNDECODABLE: ImageStatus.DECODE_FAILED,
    FetchReason.TOO_SMALL: ImageStatus.TOO_SMALL,
}


class FetchesImages(Protocol):
    """What bodies are asked of; `Fetcher` is one."""

    async def fetch(self, url: str) -> FetchResult:
        """The body behind a URL, or why there is none; never raises for an image."""
        ...


class Fetch:
    """Tries the first URLs of a product, all at once, and keeps their order. Never raises for an image."""

    def __init__(self, fetcher: FetchesImages, pool: DecodePool, settings: ImageSettings, side: int) -> None:
        self._fetcher = fetcher
        self._pool = pool
        self._per_product = settings.per_product
        self._side = side

    async def __call__(self, decoded: DecodedProduct) -> FetchedProduct:
        """The fate of each URL tried; one that is listed twice is fetched once. Ends within the fetch deadline."""
        urls = decoded.event.image_urls[: self._per_product]
        async with asyncio.TaskGroup() as group:
            tasks = {url: group.create_task(self._image(url)) for url in dict.fromkeys(urls)}
        images = tuple(tasks[url].result() for url in urls)
        return FetchedProduct(decoded, images, urls_dropped=len(decoded.event.image_urls) - len(urls))

    async def _image(self, url: str) -> ProductImage:
        fetched = await self._fetcher.fetch(url)
        if isinstance(fetched, FetchFailed):
            return LostImage(url, ImageStatus.FETCH_FAILED, fetched.reason)
        decoded = await self._pool.decode(fetched.body, self._side)
        if isinstance(decoded.views, FetchReason):
            return LostImage(url, _STATUS_OF_REASON[decoded.views], decoded.views, decoded.content_hash)
        return UsableImage(url, decoded.content_hash, decoded.views)
