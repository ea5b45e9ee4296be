# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from consumer.attributes import ImageStatus
from consumer.events import (
    DecodedProduct,
    Delivery,
    EventType,
    FetchedProduct,
    FetchReason,
    LostImage,
    ProductEvent,
    UsableImage,
)
from consumer.images.decode_pool import DecodePool
from consumer.images.decoding import decode
from consumer.images.loading import Loader
from consumer.stages.fetch import Fetch
from tests.integration.images.hosts import PRIVATE, SILENCE, World, redirect, response, world
from tests.unit.images.drawn import encoded, jpeg, shirt, with_frame_size

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SIDE = 64
JPEG = jpeg(shirt(120, 160))
TYPE = "Content-Type: image/jpeg"


@contextlib.asynccontextmanager
async def stage(**limits: Any) -> AsyncIterator[tuple[World, Fetch]]:
    async with world(None, **limits) as web:
        pool = DecodePool(web.settings, web.metrics)
        try:
            yield web, Fetch(Loader(web.fetcher, pool, web.settings.body_bytes, SIDE), web.settings.per_product)
        finally:
            pool.close()


def product(*urls: str) -> DecodedProduct:
    event = ProductEvent("e", EventType.UPSERT, "acme", "1", 1, datetime(2026, 1, 1, tzinfo=UTC), image_urls=urls)
    return DecodedProduct(Delivery("product-events", 0, 0, b"acme:1", b"", (), -1), event)


def fates(fetched: FetchedProduct) -> list[tuple[str, str]]:
    return [
        (image.status.value, image.reason.value) if isinstance(image, LostImage) else ("OK", "")
        for image in fetched.images
    ]


async def test_a_usable_image_has_its_hash_and_its_views() -> None:
    async with stage() as (web, fetch):
        web.public.answers["/a.jpg"] = [response(JPEG, TYPE)]

        fetched = await fetch(product(web.url("/a.jpg")))

        (image,) = fetched.images
        assert isinstance(image, UsableImage)
        assert image.url == web.url("/a.jpg")
        assert image.content_hash == hashlib.sha256(JPEG).hexdigest()
        assert np.array_equal(image.views, decode(JPEG, SIDE))
        labels = {"format": "jpeg", "path": "fast"}
        assert web.metrics.registry.get_sample_value("hangtag_image_decode_seconds_count", labels) == 1


async def test_every_lost_image_says_why_and_the_others_go_on() -> None:
    async with stage(read_timeout_s=0.8) as (web, fetch):
        web.public.answers = {
            "/good.jpg": [response(JPEG, TYPE)],
            "/page.jpg": [response(b"<!doctype html>", TYPE)],
            "/cut.jpg": [response(JPEG[:900], TYPE)],
            "/small.jpg": [response(jpeg(shirt(31, 60)), TYPE)],
            "/bomb.jpg": [response(with_frame_size(JPEG, 20_000, 20_000), TYPE)],
            "/private.jpg": [redirect(f"http://{PRIVATE}:{web.public.port}/a.jpg")],
            "/silent.jpg": [SILENCE],
        }
        names = ("page", "cut", "small", "bomb", "private", "silent", "gone", "good")

        urls = [web.url(f"/{name}.jpg") for name in names]
        first, second = await fetch(product(*urls[:4])), await fetch(product(*urls[4:]))

        assert fates(first) + fates(second) == [
            ("DECODE_FAILED", "unsupported_format"),
            ("DECODE_FAILED", "truncated"),
            ("TOO_SMALL", "too_small"),
            ("DECODE_FAILED", "too_many_pixels"),
            ("FETCH_FAILED", "blocked_address"),
            ("FETCH_FAILED", "timeout_read"),
            ("FETCH_FAILED", "status_4xx"),
            ("OK", ""),
        ]
        assert [image.content_hash is not None for image in first.images] == [True] * 4
        assert [image.content_hash is not None for image in second.images] == [False] * 3 + [True]
        assert web.private.connections == 0


@pytest.mark.image_rule(10)
async def test_a_type_keeps_pages_out_and_the_bytes_decide_the_rest() -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"/>'
    async with stage() as (web, fetch):
        web.public.answers = {
            "/gif-as.jpg": [response(encoded(shirt(120, 160), "GIF"), TYPE)],
            "/untyped": [response(JPEG)],
            "/stream": [response(JPEG, "Content-Type: application/octet-stream")],
            "/svg-as.png": [response(svg, "Content-Type: image/png")],
            "/page-as.jpg": [response(b"<!doctype html><img src=/a.jpg>", TYPE)],
            "/jpeg-as.html": [response(JPEG, "Content-Type: text/html")],
        }

        fetched = await fetch(product(*map(web.url, web.public.answers)))

        assert fates(fetched) == [
            *[("OK", "")] * 3,
            *[("DECODE_FAILED", "unsupported_format")] * 2,
            ("FETCH_FAILED", "content_type"),
        ]


async def test_the_event_says_of_a_lost_image_its_own_url_and_one_word() -> None:
    async with stage() as (web, fetch):
        inside = f"http://{PRIVATE}:{web.public.port}/b.jpg?signature=secret"
        named = "http://localhost/b.jpg?signature=secret"
        web.public.answers["/a.jpg"] = [redirect(inside)]

        fetched = await fetch(product(web.url("/a.jpg"), inside, named))

        assert fetched.images == (
            LostImage(web.url("/a.jpg"), ImageStatus.FETCH_FAILED, FetchReason.BLOCKED_ADDRESS, None),
            LostImage(inside, ImageStatus.FETCH_FAILED, FetchReason.BLOCKED_ADDRESS, None),
            LostImage(named, ImageStatus.FETCH_FAILED, FetchReason.DNS, None),  # as if nobody knew the name
        )


async def test_the_first_six_are_asked_for_at_once_and_the_rest_is_counted() -> None:
    asked, all_asked = 0, asyncio.Event()

    async def when_all_have_asked(writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        if asked == 6:
            all_asked.set()
        await all_asked.wait()
        writer.write(response(JPEG, TYPE))

    async with stage() as (web, fetch):
        urls = [web.url(f"/{number}.jpg") for number in range(500)]
        web.public.answers = {f"/{number}.jpg": [when_all_have_asked] for number in range(500)}

        fetched = await fetch(product(*urls))

        assert [image.url for image in fetched.images] == urls[:6]
        assert fates(fetched) == [("OK", "")] * 6
        assert fetched.urls_dropped == 494
        assert len(web.public.requests) == 6


async def test_a_url_that_is_listed_twice_is_fetched_once_and_keeps_both_places() -> None:
    async with stage() as (web, fetch):
        web.public.answers["/a.jpg"] = [response(JPEG, TYPE)]
        urls = (web.url("/a.jpg"), web.url("/gone.jpg"), web.url("/a.jpg"))

        fetched = await fetch(product(*urls))

        assert tuple(image.url for image in fetched.images) == urls
        assert fates(fetched) == [("OK", ""), ("FETCH_FAILED", "status_4xx"), ("OK", "")]
        assert sorted(web.public.paths()) == ["/a.jpg", "/gone.jpg"]


async def test_a_product_without_urls_has_no_images() -> None:
    async with stage() as (web, fetch):
        decoded = product()

        assert await fetch(decoded) == FetchedProduct(decoded, ())
        assert web.public.connections == 0


async def test_six_silent_urls_cost_one_deadline() -> None:
    async with stage(fetch_timeout_s=0.5) as (web, fetch):
        web.public.answers = {f"/{number}.jpg": [SILENCE] for number in range(6)}
        started = time.monotonic()

        fetched = await fetch(product(*(web.url(f"/{number}.jpg") for number in range(6))))

        assert fates(fetched) == [("FETCH_FAILED", "timeout_total")] * 6
        assert time.monotonic() - started < 2.5  # one after the other: 3
