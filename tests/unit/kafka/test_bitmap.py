# SPDX-License-Identifier: Apache-2.0
import base64
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.kafka.bitmap import MAX_BITS_BYTES, ForeignMetadata, decode, encode, largest_bytes

offsets = st.integers(min_value=0, max_value=1 << 40)
spans = st.sets(st.integers(min_value=0, max_value=20_000), max_size=300)


@given(offsets, spans, st.integers(min_value=0, max_value=2_000))
def test_a_bitmap_gives_back_what_was_finished(frontier: int, ahead: set[int], unfinished: int) -> None:
    done = {frontier + index for index in ahead}
    end = max(done, default=frontier) + 1

    metadata = encode(frontier, end + unfinished, done)

    assert decode(frontier, metadata) == done
    assert metadata == encode(frontier, end, done)


def test_a_sparse_and_a_dense_map_are_read_alike() -> None:
    dense, sparse = set(range(100, 900)), set(range(100, 90_000, 97))

    for done in (dense, sparse, {100}, {50_000}, dense | {80_000}, dense | sparse):
        assert decode(99, encode(99, 100_000, done)) == done
        assert encode(99, 100_000, done) == encode(99, max(done) + 1, done)


def test_nothing_finished_is_an_empty_text() -> None:
    assert encode(7, 9, set()) == ""
    assert decode(7, "") == decode(7, None) == set()


@given(st.integers(min_value=1, max_value=30_000), st.integers(0, 1 << 30))
def test_no_pattern_takes_more_than_promised(span: int, seed: int) -> None:
    randomness = random.Random(seed)
    done = {index for index in range(span) if randomness.random() < 0.5} | {span - 1}

    assert len(encode(0, span, done)) <= largest_bytes(span)


def test_nineteen_thousand_offsets_fit_into_three_quarters_of_the_limit() -> None:
    assert largest_bytes(19_000) <= 0.75 * 4096


def test_the_text_is_plain_ascii() -> None:
    assert encode(0, 5000, set(range(0, 5000, 3))).isascii()


@given(st.text(max_size=200))
def test_foreign_metadata_is_told_from_ours(metadata: str) -> None:
    try:
        decode(0, metadata)
    except ForeignMetadata:
        return
    assert metadata == "" or metadata.startswith("h1.")


@pytest.mark.parametrize(
    "metadata", ["h2.abc", "h1.", "h1.%%% %", "h1.0000", encode(0, 6, {5})[:-3], '{"app": "other"}']
)
def test_broken_metadata_is_refused(metadata: str) -> None:
    with pytest.raises(ForeignMetadata):
        decode(0, metadata)


def test_a_map_that_would_fill_the_memory_is_refused() -> None:
    bomb = "h1." + base64.b85encode(zlib.compress(bytes(MAX_BITS_BYTES + 1))).decode()

    with pytest.raises(ForeignMetadata):
        decode(0, bomb)
