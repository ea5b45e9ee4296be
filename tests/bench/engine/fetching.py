# SPDX-License-Identifier: Apache-2.0
"""The real second stage inside the real loop; what comes before and after is left out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from msgspec import structs

from consumer.events import DecodedProduct, EventType, LostImage, ProductEvent
from consumer.images.decode_pool import DecodePool
from consumer.images.http import Fetcher
from consumer.images.loading import Loader
from consumer.stages.fetch import Fetch
from tests.support.engine import echo
from tests.support.name_server import resolver_at

if TYPE_CHECKING:
    from consumer.events import Delivery, Outcome
    from consumer.observability.metrics import Metrics
    from consumer.settings import Settings

SIDE = 224
LOST = b"lost"
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Fetching:
    """An event's value is a word of the sender's and then URLs; the output is the event again, and how it went.

    The first picture is the good host's: `LOST` at the end says that it did not come.
    """

    def __init__(self, settings: Settings, fetcher: Fetcher, pool: DecodePool) -> None:
        self._topics = settings.topics
        self._fetcher = fetcher
        self._pool = pool
        images = settings.images
        self._fetch = Fetch(Loader(fetcher, pool, images.body_bytes, SIDE), images.per_product)
        self.bytes_per_event = 2 * SIDE * SIDE * 3 * images.per_product

    @classmethod
    async def open(cls, settings: Settings, metrics: Metrics, name_server: int | None) -> Self:
        """Ready to fetch; names are looked up at that port of loopback, or where this machine looks them up."""
        resolver = name_server and resolver_at(name_server, settings.images.connect_timeout_s)
        fetcher = await Fetcher.open(settings.images, metrics, resolver=resolver or None)
        return cls(settings, fetcher, DecodePool(settings.images, metrics))

    async def close(self) -> None:
        """End connections and threads."""
        await self._fetcher.close()
        self._pool.close()

    async def __call__(self, delivery: Delivery) -> Outcome:
        urls = (delivery.value or b"").decode().split()[1:]
        event = ProductEvent("", EventType.UPSERT, "acme", "1", 1, _NOW, image_urls=tuple(urls))
        fetched = await self._fetch(DecodedProduct(delivery, event))
        if isinstance(fetched.images[0], LostImage):
            delivery = structs.replace(delivery, value=b" ".join((delivery.value or b"", LOST)))
        return echo(self._topics, delivery)
