# SPDX-License-Identifier: Apache-2.0
"""Compression that nobody asked for."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest

from consumer.images.decoding import decode
from consumer.images.fetched import Fetched
from consumer.images.memory import BodyMemory, Share
from tests.integration.images.hosts import BODY, IMAGE, MIB, chunked, response, world
from tests.support.wait import until

if TYPE_CHECKING:
    from asyncio import StreamWriter

    from consumer.images.fetched import FetchResult

pytestmark = pytest.mark.image_rule(9)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "deflate", "identity"])
async def test_compression_that_nobody_asked_for_is_undone(encoding: str) -> None:
    encoded = {"deflate": zlib.compress(BODY), "identity": BODY}.get(encoding, gzip.compress(BODY))
    async with world() as web:
        assert await web.fetch(response(encoded, IMAGE, f"Content-Encoding: {encoding}")) == BODY


async def test_bare_deflate_is_undone_too() -> None:
    compressor = zlib.compressobj(wbits=-15)
    bare = compressor.compress(BODY) + compressor.flush()
    async with world() as web:
        assert await web.fetch(response(bare, IMAGE, "Content-Encoding: deflate")) == BODY


async def test_compression_may_come_in_chunks() -> None:
    head, _, rest = chunked(gzip.compress(BODY)).partition(b"\r\n")
    async with world() as web:
        assert await web.fetch(head + b"\r\nContent-Encoding: gzip\r\n" + rest) == BODY


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "deflate, gzip", "gzip, identity, br", "compress"])
async def test_other_encodings_and_stacks_are_refused(encoding: str) -> None:
    async with world() as web:
        assert await web.fetch(response(BODY, IMAGE, f"Content-Encoding: {encoding}")) == "encoding"
        assert len(web.public.requests) == 1


async def test_a_stack_in_two_headers_is_one_too() -> None:
    twice = gzip.compress(gzip.compress(BODY))
    async with world() as web:
        answer = response(twice, IMAGE, "Content-Encoding: gzip", "Content-Encoding: gzip")
        assert await web.fetch(answer) == "encoding"


async def test_a_transfer_that_is_compressed_stays_so_and_is_no_picture() -> None:
    compressed = gzip.compress(BODY)
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(compressed), compressed)
    async with world() as web:
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + body
        assert await web.fetch(answer) == compressed
    assert decode(compressed, 224) == "unsupported_format"


async def test_broken_and_cut_compression_are_told_apart() -> None:
    async with world() as web:
        assert await web.fetch(response(BODY, "Content-Encoding: gzip")) == "encoding"
        assert await web.fetch(response(gzip.compress(BODY)[:-9], "Content-Encoding: gzip")) == "incomplete"


@pytest.mark.image_rule(8)
async def test_a_gzip_bomb_ends_at_the_cap() -> None:
    bomb = gzip.compress(bytes(200 * MIB), 1)
    async with world() as web:
        assert len(bomb) < MIB
        tracemalloc.start()
        try:
            assert await web.fetch(response(bomb, IMAGE, "Content-Encoding: gzip")) == "too_large"
            assert tracemalloc.get_traced_memory()[1] < 40 * MIB
        finally:
            tracemalloc.stop()
        assert len(web.public.requests) == 1


class Watched(BodyMemory):
    """Remembers the most that was taken, and by how many."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self.peak_bytes = 0
        self.seen: set[Share] = set()

    def take(self, share: Share, size_bytes: int) -> bool:
        may_go_on = super().take(share, size_bytes)
        self.peak_bytes = max(self.peak_bytes, self.taken_bytes)
        self.seen.add(share)
        return may_go_on


@pytest.mark.image_rule(8)
async def test_many_bombs_at_once_stay_within_the_memory_of_bodies() -> None:
    bomb, go_on, memory = gzip.compress(bytes(4 * MIB)), asyncio.Event(), Watched(MIB)

    async def all_but_the_end(writer: StreamWriter) -> None:
        writer.write(response(bomb[:-4], IMAGE, "Content-Encoding: gzip", length=len(bomb)))
        await go_on.wait()
        writer.write(bomb[-4:])

    async with world() as web:
        web.public.answers["/a.jpg"] = [all_but_the_end]

        async def fetch() -> FetchResult:
            with memory.share() as share:
                return await web.fetcher.fetch(web.url("/a.jpg"), "acme", share)

        fetches = [asyncio.create_task(fetch()) for _ in range(8)]
        await until(lambda: len(memory.seen) == len(fetches))
        go_on.set()
        results = await asyncio.gather(*fetches)

    assert all(isinstance(result, Fetched) and result.body == bytes(4 * MIB) for result in results)
    # The oldest goes on to its end; each other one holds at most the piece that it stopped at.
    assert memory.peak_bytes <= 5 * MIB + 8 * (64 << 10)


@pytest.mark.image_rule(8)
async def test_others_have_a_turn_between_the_pieces_of_a_bomb() -> None:
    """Its 10 kB hold 10 MiB, and the event loop serves everybody."""
    bomb, turns, turn_of = gzip.compress(bytes(8 * MIB)), 0, list[int]()

    class Noting(BodyMemory):
        def take(self, share: Share, size_bytes: int) -> bool:
            turn_of.append(turns)
            return super().take(share, size_bytes)

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with world() as web:
        web.public.answers["/a.jpg"] = [response(bomb, IMAGE, "Content-Encoding: gzip")]
        counting = asyncio.create_task(count_turns())
        with Noting(1 << 30).share() as share:
            assert isinstance(await web.fetcher.fetch(web.url("/a.jpg"), "acme", share), Fetched)
        counting.cancel()

    assert len(turn_of) >= 8 * MIB >> 16
    assert len(set(turn_of)) == len(turn_of)


async def test_what_looks_compressed_and_does_not_say_so_is_left_as_it_is() -> None:
    async with world() as web:
        compressed = gzip.compress(BODY)
        assert await web.fetch(response(compressed, IMAGE)) == compressed
