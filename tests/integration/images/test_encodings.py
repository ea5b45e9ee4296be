# SPDX-License-Identifier: Apache-2.0
"""Compression that nobody asked for."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from tests.integration.images.hosts import BODY, IMAGE, MIB, chunked, response, world

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


async def test_a_transfer_that_is_compressed_is_refused() -> None:
    compressed = gzip.compress(BODY)
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(compressed), compressed)
    async with world() as web:
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + body
        assert await web.fetch(answer) in {compressed, "incomplete", "encoding"}


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


async def test_what_looks_compressed_and_does_not_say_so_is_left_as_it_is() -> None:
    async with world() as web:
        compressed = gzip.compress(BODY)
        assert await web.fetch(response(compressed, IMAGE)) == compressed
