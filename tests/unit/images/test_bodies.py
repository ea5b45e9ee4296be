# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import itertools
import time
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.events import FetchReason
from consumer.images.bodies import Body

if TYPE_CHECKING:
    from collections.abc import Callable

CAP = 1000


def bare_deflate(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(content) + compressor.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate ": bare_deflate,
}


def collect(encoding: str, sent: bytes, pieces: list[int]) -> bytes | FetchReason:
    body = Body([encoding], CAP)
    cuts = sorted({0, len(sent), *(piece % (len(sent) + 1) for piece in pieces)})
    for start, end in itertools.pairwise(cuts):
        if reason := body.feed(sent[start:end]):
            return reason
    return body.finish()


@given(st.sampled_from(list(ENCODERS)), st.binary(min_size=1, max_size=900), st.lists(st.integers(1, 900)))
def test_a_body_comes_out_as_it_was_however_it_is_cut(encoding: str, content: bytes, pieces: list[int]) -> None:
    assert collect(encoding, ENCODERS[encoding](content), pieces) == content


@pytest.mark.parametrize("encoding", ENCODERS)
def test_the_cap_is_inclusive(encoding: str) -> None:
    assert collect(encoding, ENCODERS[encoding](bytes(CAP)), [1, 7]) == bytes(CAP)
    assert collect(encoding, ENCODERS[encoding](bytes(CAP + 1)), [1, 7]) is FetchReason.TOO_LARGE


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_stream_that_does_not_end_is_incomplete(encoding: str) -> None:
    assert collect(encoding, ENCODERS[encoding](b"x" * 500)[:-1], []) is FetchReason.INCOMPLETE
    assert collect(encoding, ENCODERS[encoding](b""), []) is FetchReason.INCOMPLETE


@given(st.sampled_from(["gzip", "deflate"]), st.binary(max_size=200))
def test_no_bytes_make_it_raise(encoding: str, sent: bytes) -> None:
    assert isinstance(collect(encoding, sent, []), bytes | FetchReason)


def test_bytes_after_the_end_of_a_compressed_stream_count_too() -> None:
    assert collect("gzip", gzip.compress(b"x") + bytes(100), [50]) == b"x"
    assert collect("gzip", gzip.compress(b"x") + bytes(CAP), [50, 500]) is FetchReason.TOO_LARGE


def test_bytes_after_the_end_of_a_compressed_stream_cost_next_to_nothing() -> None:
    body = Body(["gzip"], 10 << 20)
    body.feed(gzip.compress(b"x"))
    started = time.process_time()

    for _ in range(6_000):
        assert body.feed(bytes(1_400)) is None

    assert time.process_time() - started < 1  # tens of seconds where the inflater gathers them
    assert body.finish() == b"x"
