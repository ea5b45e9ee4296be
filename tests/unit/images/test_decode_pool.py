# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import structlog
from PIL import Image

from consumer.events import FetchReason
from consumer.images.decode_pool import DecodePool
from consumer.images.decoding import decode
from consumer.images.fair_threads import FairThreads, ThreadsClosedError
from consumer.images.sniff import ImageFormat
from consumer.observability.metrics import Metrics
from consumer.settings import ImageSettings
from tests.support.wait import until
from tests.unit.images.drawn import encoded, jpeg, shirt, with_frame_size

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


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

    assert sum(str(name).startswith("image-decode") for name in names) == 3  # one is left to other vendors
    assert not any(thread.name.startswith("image-decode") for thread in threading.enumerate())


def test_the_limits_are_those_of_the_settings() -> None:
    pool = DecodePool(ImageSettings(min_side_px=100), Metrics())
    decoded = asyncio.run(pool.decode(jpeg(shirt(99, 200)), 64, "acme"))
    pool.close()

    assert decoded.views is FetchReason.TOO_SMALL
    assert decoded.content_hash is not None
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
    assert sum(name.startswith("image-decode_") for name in names) == 3


@contextlib.asynccontextmanager
async def blocked(pool: DecodePool, threads: FairThreads, count: int = 1) -> AsyncIterator[threading.Event]:
    """So many threads are busy for `greedy` until the event is set; in the end the pool is closed."""
    go_on = threading.Event()
    tasks = [asyncio.create_task(threads.run("greedy", partial(go_on.wait, 30))) for _ in range(count)]
    try:
        await until(lambda: threads._queue.running == count)
        yield go_on
    finally:
        go_on.set()
        await asyncio.gather(*tasks)
        pool.close()


async def test_a_vendor_s_small_picture_is_decoded_while_another_has_all_the_threads_it_may_have() -> None:
    body = jpeg(shirt(64, 80))
    pool = DecodePool(ImageSettings(decode_threads=2), Metrics())
    async with blocked(pool, pool._threads, 2) as go_on:
        greedy = [asyncio.create_task(pool.decode(body, 64, "greedy")) for _ in range(8)]
        await until(lambda: pool._threads._queue.waiting == 8)

        assert isinstance((await pool.decode(body, 64, "modest")).views, np.ndarray)

        assert pool._threads._queue.waiting == 8
        go_on.set()
        await asyncio.gather(*greedy)


async def test_a_vendor_s_one_large_picture_does_not_wait_behind_all_of_another_vendor() -> None:
    body = encoded(Image.new("L", (2900, 2800)), "PNG")
    order: list[str] = []

    async def decode_one(vendor_id: str) -> None:
        await pool.decode(body, 64, vendor_id)
        order.append(vendor_id)

    pool = DecodePool(ImageSettings(decode_threads=1), Metrics())
    async with blocked(pool, pool._large_thread) as go_on:
        greedy = [asyncio.create_task(decode_one("greedy")) for _ in range(4)]
        await until(lambda: pool._large_thread._queue.waiting == 4)
        modest = asyncio.create_task(decode_one("modest"))
        await until(lambda: pool._large_thread._queue.waiting == 5)
        go_on.set()
        await asyncio.gather(*greedy, modest)

    assert order.index("modest") <= 1


@pytest.mark.parametrize("is_avif", [True, False])
async def test_of_a_vendor_with_slow_pictures_too_many_are_told_so_at_once_and_others_wait(*, is_avif: bool) -> None:
    body = encoded(shirt(64, 80), "AVIF" if is_avif else "PNG")
    metrics = Metrics()
    settings = ImageSettings(fetch_timeout_s=1e-9, slow_decode_s=1e-9, decode_threads=1)  # whatever runs is slow
    pool = DecodePool(settings, metrics)
    threads = pool._sandbox_thread if is_avif else pool._threads
    async with blocked(pool, threads) as go_on:
        refused = await pool.decode(body, 64, "greedy")
        modest = asyncio.create_task(pool.decode(body, 64, "modest"))
        if is_avif:
            await until(lambda: threads._queue.waiting == 1)
            go_on.set()
        decoded = await modest

    assert refused.views is FetchReason.TIMEOUT_TOTAL
    assert (refused.content_hash, refused.header) == (
        (decoded.content_hash, decoded.header) if is_avif else (None, None)
    )
    assert isinstance(decoded.views, np.ndarray)
    labels = {"format": "avif" if is_avif else "other", "path": "refused"}
    assert metrics.registry.get_sample_value("hangtag_image_decode_seconds_count", labels) == 1


@pytest.mark.parametrize("of_which", ["image-decode_", "image-decode-large"])
async def test_a_picture_for_which_the_system_has_no_thread_is_not_blamed_and_the_next_one_is_decoded(
    of_which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def start_or_fail(thread: threading.Thread) -> None:
        if thread.name.startswith(of_which):
            raise RuntimeError("can't start new thread")
        start(thread)

    body = encoded(Image.new("L", (2900, 2800)), "PNG")
    metrics = Metrics()
    with contextlib.closing(DecodePool(ImageSettings(decode_threads=1), metrics)) as pool:
        with monkeypatch.context() as patched, structlog.testing.capture_logs() as logs:
            patched.setattr(threading.Thread, "start", start_or_fail)
            refused = await pool.decode(body, 64, "acme")
        decoded = await pool.decode(body, 64, "acme")

    assert refused.views is FetchReason.TIMEOUT_TOTAL
    assert [(line["event"], line["thread"]) for line in logs] == [("image_thread_missing", f"{of_which.strip('_')}_0")]
    assert isinstance(decoded.views, np.ndarray)
    labels = {"format": "other" if refused.header is None else "png", "path": "refused"}
    assert metrics.registry.get_sample_value("hangtag_image_decode_seconds_count", labels) == 1


async def test_what_waits_when_the_pool_is_closed_is_told_so_and_what_comes_later_too() -> None:
    pool = DecodePool(ImageSettings(decode_threads=1), Metrics())
    body = jpeg(shirt(64, 80))
    async with blocked(pool, pool._threads) as go_on:
        waits = asyncio.create_task(pool.decode(body, 64, "greedy"))
        await until(lambda: pool._threads._queue.waiting == 1)
        closing = asyncio.create_task(asyncio.to_thread(pool.close))
        await until(lambda: pool._threads._is_closed)
        go_on.set()
        await closing

        for decoding in (waits, pool.decode(body, 64, "modest")):
            with pytest.raises(ThreadsClosedError):
                await decoding


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
