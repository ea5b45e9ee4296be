# SPDX-License-Identifier: Apache-2.0
"""The demo's vendor: draws the pictures, writes the feed, and sends it together with records that are broken."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from confluent_kafka import Producer

from consumer.catalogue.photo import draw
from consumer.catalogue.products import Trouble
from consumer.errors import BrokerUnavailable
from consumer.feeds.formats import Format
from consumer.feeds.producer import EventProducer
from consumer.feeds.push import Feed, push, read_feed
from consumer.headers import CONTENT_TYPE, JSON
from consumer.kafka.opening import client_properties, opened
from consumer.registry.bundled import BundledCodec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from confluent_kafka import KafkaError, Message

    from consumer.catalogue.photo import Photo
    from consumer.catalogue.products import Product
    from consumer.feeds.rows import BadRow
    from consumer.settings import KafkaSettings

DRAWING_THREADS = 2
SEND_LIMIT_S = 30.0

#: Values that no schema describes, each broken in its own way.
_BROKEN: tuple[tuple[bytes, list[tuple[str, str | bytes | None]]], ...] = (
    (b'{"event_type": "UPSERT", "title": 42}', [(CONTENT_TYPE, JSON.encode())]),
    (b"\xc3\x01" + bytes(8) + b"a schema that nobody has", []),
    (b"no Avro at all", []),
)


class Drawing:
    """Draws pictures in the background, into `folder`, until it is done or left."""

    def __init__(self, products: Sequence[Product], folder: Path) -> None:
        self._pictures = [
            (folder / picture_name(product, position), photo)
            for product in products
            for position, photo in enumerate(product.photos)
        ]
        self._threads = ThreadPoolExecutor(DRAWING_THREADS, thread_name_prefix="draw")
        self._drawn: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._drawn = [self._threads.submit(_draw_into, file, photo) for file, photo in self._pictures]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)

    def wait(self, advance: Callable[[int, int], None]) -> None:
        """Return when all pictures lie in the folder; `advance` hears how many of how many do."""
        for done, picture in enumerate(self._drawn, start=1):
            picture.result()
            advance(done, len(self._drawn))


def picture_name(product: Product, position: int) -> str:
    """File name of one of its photos."""
    return f"{product.sku}-{position}.jpg"


@dataclass(frozen=True, slots=True)
class Shop:
    """Who sells, and where the pictures are."""

    vendor_id: str
    pictures_url: str
    redirect_url: str
    """Redirects to a private address."""

    def key(self, product: Product) -> str:
        """The record key of a product."""
        return f"{self.vendor_id}:{product.sku}"

    def row(self, product: Product) -> dict[str, Any]:
        """The product's line in the feed."""
        return {
            "vendor_id": self.vendor_id,
            "sku": product.sku,
            "event_type": "DELETE" if product.trouble is Trouble.DELETE else "UPSERT",
            "title": product.title,
            "brand": product.brand,
            "vendor_attributes": {"color": product.vendor_colour} if product.vendor_colour else {},
            "image_urls": self._urls(product),
            "language": "en",
            "feed": "demo",
        }

    def _urls(self, product: Product) -> list[str]:
        urls = [f"{self.pictures_url}/{picture_name(product, position)}" for position in range(len(product.photos))]
        if product.trouble is Trouble.DEAD_LINK:
            urls[-1] = f"{self.pictures_url}/gone-{product.sku}.jpg"
        if product.trouble is Trouble.PRIVATE_REDIRECT:
            urls.append(f"{self.redirect_url}/{product.sku}.jpg")
        return urls


def send(products: Sequence[Product], shop: Shop, kafka: KafkaSettings, topic: str, feed_file: Path) -> int:
    """Write the feed and send it. Returns the number of records that the broker has, by its delivery reports."""
    whole = [product for product in products if product.trouble is not Trouble.BROKEN_RECORD]
    broken = [product for product in products if product.trouble is Trouble.BROKEN_RECORD]
    with feed_file.open("w") as file:
        for product in whole:
            file.write(json.dumps(shop.row(product), ensure_ascii=False) + "\n")
    producer = EventProducer(kafka, topic, BundledCodec(), SEND_LIMIT_S)
    tally = push(read_feed(Feed(feed_file, Format.JSONL)), producer, _refuse)
    return tally.events + _send_broken([shop.key(product) for product in broken], kafka, topic)


def _refuse(row: BadRow) -> None:
    raise AssertionError(f"line {row.line} of our own feed is bad: {row.reason}")


def _send_broken(keys: Sequence[str], kafka: KafkaSettings, topic: str) -> int:
    delivered = 0

    def count(error: KafkaError | None, _message: Message | None) -> None:
        nonlocal delivered
        delivered += error is None

    producer = opened(Producer, client_properties(kafka) | {"enable.idempotence": True})
    for key, (value, headers) in zip(keys, _cycle(), strict=False):
        producer.produce(topic, key=key.encode(), value=value, headers=headers, on_delivery=count)
    if producer.flush(SEND_LIMIT_S):
        raise BrokerUnavailable(f"the broker did not take the broken records within {SEND_LIMIT_S:g} s")
    return delivered


def _cycle() -> Iterator[tuple[bytes, list[tuple[str, str | bytes | None]]]]:
    while True:
        yield from _BROKEN


def _draw_into(file: Path, photo: Photo) -> None:
    file.write_bytes(draw(photo))
