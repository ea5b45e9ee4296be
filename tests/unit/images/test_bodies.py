# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import itertools
import time
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from consumer.events import FetchReason
from consumer.images.bodies import Body, judge_head, judge_status, retry_after_s, whole_range

if TYPE_CHECKING:
    from collections.abc import Callable

CAP = 1000
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


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


def collect(encoding: str, sent: bytes, pieces: list[int], cap: int = CAP) -> bytes | FetchReason:
    body = Body([encoding], cap)
    cuts = sorted({0, len(sent), *(piece % (len(sent) + 1) for piece in pieces)})
    for start, end in itertools.pairwise(cuts):
        reason = body.feed(sent[start:end])
        while not reason and body.has_more:
            reason = body.feed(b"")
        if reason:
            return reason
    return body.finish()


@pytest.mark.image_rule(9)
@given(st.sampled_from(list(ENCODERS)), st.binary(min_size=1, max_size=900), st.lists(st.integers(1, 900)))
def test_a_body_comes_out_as_it_was_however_it_is_cut(encoding: str, content: bytes, pieces: list[int]) -> None:
    assert collect(encoding, ENCODERS[encoding](content), pieces) == content


@pytest.mark.image_rule(8)
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


def fed(piece_bytes: int, pieces: int) -> FetchReason | None:
    """What becomes of a body of 10 MiB at most that comes so."""
    body = Body([], 10 << 20)
    return next(filter(None, (body.feed(bytes(piece_bytes)) for _ in range(pieces))), None)


def test_a_body_in_crumbs_is_refused_after_four_thousand() -> None:
    assert fed(1, 4_000) is None
    assert fed(1, 4_100) is FetchReason.TOO_LARGE
    assert fed(256, 5_000) is None
    assert fed(256, 6_000) is FetchReason.TOO_LARGE
    assert fed(1_024, 10_000) is None


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


@pytest.mark.image_rule(9)
@pytest.mark.parametrize(
    ("encodings", "is_known"),
    [
        ([], True),
        ([""], True),
        (["identity"], True),
        (["gzip"], True),
        ([" X-GZIP "], True),
        (["identity, deflate"], True),
        (["br"], False),
        (["zstd"], False),
        (["compress"], False),
        (["gzip, gzip"], False),
        (["gzip", "gzip"], False),
        (["gzip", "identity", "br"], False),
        (["*"], False),
    ],
)
def test_one_layer_of_gzip_or_deflate_is_undone_and_nothing_else(encodings: list[str], *, is_known: bool) -> None:
    assert Body(encodings, CAP).judge_encoding() is (None if is_known else FetchReason.ENCODING)


@pytest.mark.image_rule(8)
def test_what_is_inflated_is_never_more_than_the_cap_and_a_byte() -> None:
    body = Body(["gzip"], CAP)

    assert body.feed(gzip.compress(bytes(1 << 18))) is FetchReason.TOO_LARGE
    assert body.size_bytes == CAP + 1


@pytest.mark.image_rule(9)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate "])
def test_a_chunk_is_inflated_piece_by_piece(encoding: str) -> None:
    body, held = Body([encoding], 1 << 20), [0]
    assert body.feed(ENCODERS[encoding](bytes(300_000))) is None
    while body.has_more:
        held.append(body.size_bytes)
        assert body.feed(b"") is None
    held.append(body.size_bytes)

    assert max(later - earlier for earlier, later in itertools.pairwise(held)) <= 1 << 16
    assert body.finish() == bytes(300_000)


@pytest.mark.image_rule(9)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate "])
@pytest.mark.parametrize("over", [-258, -1, 0, 1, 157, 258])
def test_a_body_that_ends_beside_a_piece_is_whole(encoding: str, over: int) -> None:
    content = bytes((1 << 17) + over)

    assert collect(encoding, ENCODERS[encoding](content), [], 1 << 20) == content


@pytest.mark.image_rule(11)
def test_an_empty_body_and_one_of_another_length_are_incomplete() -> None:
    assert Body([], CAP).finish() is FetchReason.INCOMPLETE
    body = Body(["gzip"], CAP)
    sent = gzip.compress(b"x")
    body.feed(sent)
    assert body.finish(len(sent)) == b"x"  # the length of what was sent
    assert body.finish(1) is FetchReason.INCOMPLETE


@pytest.mark.image_rule(11)
@pytest.mark.parametrize(
    ("content_range", "length"),
    [
        ("bytes 0-99/100", 100),
        ("bytes 0-0/1", 1),
        ("bytes 0-98/100", None),
        ("bytes 1-99/100", None),
        ("bytes 0-100/100", None),
        ("bytes 0-99/*", None),
        ("bytes */100", None),
        ("bytes 0-99", None),
        ("items 0-99/100", None),
        ("bytes 0-99/100, bytes 0-99/100", None),
        ("bytes -1-99/100", None),
        ("bytes 0-" + "9" * 5000 + "/1" + "0" * 5000, None),
        ("bytes 0-\u0669/10", None),
        ("", None),
    ],
)
def test_a_part_is_whole_when_it_goes_from_the_first_byte_to_the_last(content_range: str, length: int | None) -> None:
    head = headers(("Content-Range", content_range))

    assert whole_range(head) == length
    assert judge_head(206, head, CAP) is (FetchReason.PARTIAL if length is None else None)


@pytest.mark.image_rule(10)
@pytest.mark.parametrize(
    ("content_type", "may_be"),
    [
        ("image/jpeg", True),
        ("IMAGE/PNG; charset=binary", True),
        (" image/webp", True),
        ("image/svg+xml", True),  # the magic bytes decide
        ("application/octet-stream", True),
        ("binary/Octet-Stream;x=y", True),
        ("", True),
        (";charset=utf-8", True),
        ("text/html; charset=utf-8", False),
        ("text/image/png", False),
        ("application/json", False),
        ("imagex/png", False),
        ("multipart/byteranges; boundary=image/", False),
        ("application/x-octet-stream", False),
    ],
)
def test_a_type_is_a_hint_of_what_may_be_read(content_type: str, *, may_be: bool) -> None:
    expected = None if may_be else FetchReason.CONTENT_TYPE

    assert judge_head(200, headers(("Content-Type", content_type)), CAP) is expected
    two = headers(("Content-Type", "image/png"), ("Content-Type", content_type))
    assert judge_head(200, two, CAP) is expected


@pytest.mark.image_rule(8)
def test_a_length_over_the_cap_is_refused_before_anything_is_read() -> None:
    assert judge_head(200, headers(("Content-Length", str(CAP))), CAP) is None
    assert judge_head(200, headers(("Content-Length", str(CAP + 1))), CAP) is FetchReason.TOO_LARGE
    assert judge_head(200, headers(), CAP) is None
    for digits in (20, 5000):
        assert judge_head(200, headers(("Content-Length", "9" * digits)), CAP) is FetchReason.TOO_LARGE


@pytest.mark.image_rule(11)
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (201, "status_other"),
        (204, "status_other"),
        (304, "status_other"),
        (399, "status_other"),
        (400, "status_4xx"),
        (404, "status_4xx"),
        (429, "rate_limited"),
        (451, "status_4xx"),
        (500, "status_5xx"),
        (599, "status_5xx"),
        (600, "status_other"),
        (999, "status_other"),
    ],
)
def test_a_status_without_a_picture_has_its_reason(status: int, reason: str) -> None:
    assert judge_status(status) == reason


@pytest.mark.parametrize(
    ("text", "pause_s"),
    [
        ("0", None),
        ("1", 1),
        (" 120 ", 120),
        ("86400", 86_400),
        ("9" * 5000, 999_999_999),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        ("Sun, 22 Nov 2026 12:01:30 -0000", 90),
        ("Sun, 22 Nov 2026 13:01:30 +0100", 90),
        ("Sunday, 22-Nov-26 12:01:30 GMT", 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), None),
        (format_datetime(NOW, usegmt=True), None),
        ("Sun, 22 Nov 99999 12:00:00 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("\u0661\u0662", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_host_says_for_how_long_or_until_when_and_nonsense_counts_as_nothing(
    text: str, pause_s: float | None
) -> None:
    assert retry_after_s(headers(("Retry-After", text)), NOW) == pause_s


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} (Jan|Nov) [0-9]{1,9} [0-9:]{0,9} [-+]?[0-9]{1,6}"))
def test_no_text_makes_a_pause_that_is_not_one(text: str) -> None:
    pause_s = retry_after_s(headers(("Retry-After", text)), NOW)

    assert pause_s is None or pause_s > 0
