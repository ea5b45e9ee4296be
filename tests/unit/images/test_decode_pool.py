# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from functools import partial

import numpy as np
import pytest
from PIL import Image

from consumer.events import FetchReason
from consumer.images.decode_pool import DecodePool
from consumer.images.decoding import decode
from consumer.images.sniff import ImageFormat
from consumer.observability.metrics import Metrics
from consumer.settings import ImageSettings
from tests.support.wait import until
from tests.unit.images.drawn import encoded, jpeg, shirt, with_frame_size


def test_bodies_are_decoded_off_the_loop_and_the_threads_end_with_the_pool() -> None:
    async def decode_all(pool: DecodePool) -> list[object]:
        bodies = [jpeg(shirt(100 + number, 90)) for number in range(6)]
        decoded = await asyncio.gather(*(pool.decode(body, 64, "acme") for body in bodies))
        assert [one.content_hash for one in decoded] == [hashlib.sha256(body).hexdigest() for body in bodies]
        assert all(np.array_equal(one.views, decode(body, 64)) for one, body in zip(decoded, bodies, strict=True))
        return [thread.name for thread in threading.enumerate()]

    pool = DecodePool(ImageSettings(decode_threads=2), Metrics())
    names = asyncio.run(decode_all(pool))
    pool.close()

    assert sum(str(name).startswith("image-decode") for name in names) == 2
    assert not any(thread.name.startswith("image-decode") for thread in threading.enumerate())


def test_the_limits_are_those_of_the_settings() -> None:
    pool = DecodePool(ImageSettings(min_side_px=100), Metrics())
    decoded = asyncio.run(pool.decode(jpeg(shirt(99, 200)), 64, "acme"))
    pool.close()

    assert decoded.views is FetchReason.TOO_SMALL
    assert len(decoded.content_hash) == 64


def test_large_pictures_share_one_thread_beside_those_of_small_ones() -> None:
    large = encoded(Image.new("L", (2900, 2800)), "PNG")

    async def decode_all(pool: DecodePool) -> list[str]:
        bodies = [large, large, *(jpeg(shirt(100 + number, 90)) for number in range(4))]
        decoded = await asyncio.gather(*(pool.decode(body, 64, "acme") for body in bodies))
        assert [isinstance(one.views, np.ndarray) for one in decoded] == [True] * 6
        return [thread.name for thread in threading.enumerate()]

    pool = DecodePool(ImageSettings(decode_threads=2), Metrics())
    names = asyncio.run(decode_all(pool))
    pool.close()

    assert sum(name.startswith("image-decode-large") for name in names) == 1
    assert sum(name.startswith("image-decode_") for name in names) == 2


@pytest.mark.parametrize("is_large", [False, True])
async def test_a_vendor_s_one_body_does_not_wait_behind_all_of_another_vendor(*, is_large: bool) -> None:
    body = encoded(Image.new("L", (2900, 2800)), "PNG") if is_large else jpeg(shirt(64, 80))
    order: list[str] = []

    async def decode_one(vendor_id: str) -> None:
        await pool.decode(body, 64, vendor_id)
        order.append(vendor_id)

    go_on = threading.Event()
    pool = DecodePool(ImageSettings(decode_threads=1), Metrics())
    thread = pool._large_thread if is_large else pool._threads
    try:
        blocked = asyncio.create_task(thread.run("greedy", partial(go_on.wait, 30)))
        greedy = [asyncio.create_task(decode_one("greedy")) for _ in range(8)]
        await until(lambda: thread._gate.waiting == 7)
        modest = asyncio.create_task(decode_one("modest"))
        await until(lambda: thread._gate.waiting == 8)
        go_on.set()
        await asyncio.gather(blocked, *greedy, modest)
    finally:
        go_on.set()
        pool.close()

    assert order.index("modest") == 2


async def test_avif_that_would_wait_behind_too_much_that_is_slow_is_told_so_at_once() -> None:
    metrics = Metrics()
    pool = DecodePool(ImageSettings(fetch_timeout_s=0.1, decode_timeout_s=0.1), metrics)
    go_on = threading.Event()
    try:
        slow = [asyncio.create_task(pool._sandbox_thread.run("greedy", partial(go_on.wait, 30))) for _ in range(2)]
        started_s = time.monotonic()
        await until(lambda: time.monotonic() > started_s + 0.5)  # so long they are at work

        decoded = await pool.decode(encoded(shirt(64, 80), "AVIF"), 64, "acme")
        small = await pool.decode(jpeg(shirt(64, 80)), 64, "acme")
        go_on.set()
        await asyncio.gather(*slow)
    finally:
        go_on.set()
        pool.close()

    assert decoded.views is FetchReason.TIMEOUT_TOTAL
    assert isinstance(small.views, np.ndarray)
    labels = {"format": "avif", "path": "refused"}
    assert metrics.registry.get_sample_value("hangtag_image_decode_seconds_count", labels) == 1


def test_a_body_tells_its_header_and_is_counted_by_format_and_path() -> None:
    odd = jpeg(shirt(64, 80))
    scan = odd.index(b"\xff\xda")
    bodies = {
        "fast": jpeg(shirt(64, 80)),
        "fallback": odd[:scan] + b"\0\0" + odd[scan:],
        "refused": with_frame_size(odd, 20_000, 20_000),
    }
    metrics = Metrics()
    pool = DecodePool(ImageSettings(), metrics)

    decoded = {path: asyncio.run(pool.decode(body, 64, "acme")) for path, body in bodies.items()}
    unknown = asyncio.run(pool.decode(b"<html>", 64, "acme"))
    pool.close()

    def count(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"hangtag_image_{name}_count", labels)

    assert [header and (header.format, header.width) for header in (one.header for one in decoded.values())] == [
        (ImageFormat.JPEG, 64),
        (ImageFormat.JPEG, 64),
        (ImageFormat.JPEG, 20_000),
    ]
    assert unknown.header is None
    assert [count("decode_seconds", format="jpeg", path=path) for path in bodies] == [1, 1, 1]
    assert count("decode_seconds", format="other", path="refused") == 1
    assert (count("bytes"), count("pixels")) == (2, 2)


def test_pillow_has_the_same_limit_as_a_second_belt() -> None:
    DecodePool(ImageSettings(), Metrics()).close()

    assert ImageSettings().max_pixels == Image.MAX_IMAGE_PIXELS
    with pytest.raises(Image.DecompressionBombWarning):
        Image._decompression_bomb_check((8001, 5000))
    assert isinstance(decode(encoded(shirt(64, 64), "PNG"), 64), np.ndarray)
