# SPDX-License-Identifier: Apache-2.0
"""An answer's head and body -> the bytes of a picture, or the reason why it holds none. Pure."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs

from consumer.events import FetchReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multidict import CIMultiDictProxy

#: Comparing with a number is a tenth of the work of comparing with the enum's member.
PARTIAL = HTTPStatus.PARTIAL_CONTENT.value
_GZIP_ONLY, _ZLIB_ONLY, _NO_HEADER = 31, 15, -15
#: int() raises for text that is long enough.
_MAX_LENGTH_DIGITS = 19
#: What is inflated before it is booked: the 10 kB of a bomb hold 10 MiB, and many bodies come at once.
_PIECE_BYTES = 64 << 10
#: A body may come in so many pieces, and in one more for each so many bytes: a piece takes as long to read as
#: kilobytes do. Packets hold more; an encoder that sends a GIF's blocks of 256 bytes one by one may send 1.3 MB.
_FREE_PIECES, _BYTES_PER_PIECE = 4000, 1024
_CLIENT_ERRORS, _SERVER_ERRORS = range(400, 500), range(500, 600)


def judge_status(status: int) -> FetchReason:
    """Why an answer that is neither 200 nor 206 brings no picture."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return FetchReason.RATE_LIMITED
    if status in _CLIENT_ERRORS:
        return FetchReason.STATUS_4XX
    return FetchReason.STATUS_5XX if status in _SERVER_ERRORS else FetchReason.STATUS_OTHER


def judge_head(status: int, headers: CIMultiDictProxy[str], max_body_bytes: int) -> FetchReason | None:
    """Whether the body is worth reading. Types are a hint: only the magic bytes decide what is decoded.

    Nobody asked for a part, so a 206 counts only where its Content-Range says that the part is the whole.
    """
    if status == PARTIAL and whole_range(headers) is None:
        return FetchReason.PARTIAL
    for content_type in headers.getall(hdrs.CONTENT_TYPE, ()):
        if not _may_be_an_image(content_type):
            return FetchReason.CONTENT_TYPE
    length = headers.get(hdrs.CONTENT_LENGTH, "0")
    if not length.isdecimal():
        return None
    return FetchReason.TOO_LARGE if len(length) > _MAX_LENGTH_DIGITS or int(length) > max_body_bytes else None


_RANGE = re.compile(r"bytes 0-([0-9]{1,15})/([0-9]{1,15})", re.ASCII)


def whole_range(headers: CIMultiDictProxy[str]) -> int | None:
    """The length that Content-Range names when it begins at 0 and ends with the last byte; else None."""
    found = _RANGE.fullmatch(headers.get(hdrs.CONTENT_RANGE, ""))
    if found is None or int(found[1]) + 1 != int(found[2]):
        return None
    return int(found[2])


def retry_after_s(headers: CIMultiDictProxy[str], now: datetime) -> float | None:
    """Seconds for which a host wants to be left alone (RFC 9110, section 10.2.3); None for nonsense and the past."""
    text = headers.get(hdrs.RETRY_AFTER, "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9]) or None
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    pause_s = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()
    return pause_s if pause_s > 0 else None


def _may_be_an_image(content_type: str) -> bool:
    if content_type.startswith("image/"):
        return True
    media_type = content_type.partition(";")[0].strip().lower()
    return not media_type or media_type.startswith("image/") or media_type.endswith("/octet-stream")


def are_crumbs(pieces: int, size_bytes: int) -> bool:
    """Whether so many bytes came in more pieces than an honest server sends."""
    return pieces > _FREE_PIECES + size_bytes // _BYTES_PER_PIECE


def _names(encodings: Sequence[str]) -> list[str]:
    names = [name.strip().lower() for header in encodings for name in header.split(",")]
    return [name for name in names if name not in {"", "identity"}]


class Body:
    """Collects a body chunk by chunk, inflates what was compressed unasked, and never holds more than the cap."""

    def __init__(self, encodings: Sequence[str], max_bytes: int) -> None:
        self._encodings = _names(encodings) if encodings else []
        self._max_bytes = max_bytes
        self._received_bytes = 0
        self._pieces = 0
        self._chunks: list[bytes] = []
        self._inflater: zlib._Decompress | None = None
        self.size_bytes = 0
        """What is held, inflated."""
        self.has_more = False
        """Whether the last chunk has not been inflated to its end."""

    def judge_encoding(self) -> FetchReason | None:
        """`encoding` for what we do not inflate: brotli, zstd, and one encoding in another."""
        known = not self._encodings or self._encodings in (["gzip"], ["x-gzip"], ["deflate"])
        return None if known else FetchReason.ENCODING

    def feed(self, chunk: bytes) -> FetchReason | None:
        """Take a chunk; b"" goes on with one that `has_more`. A compressed one is inflated by 64 KiB at most.

        A reason ends it: `too_large`, sent, inflated or in crumbs, and `encoding` for broken compression.
        """
        self._received_bytes += len(chunk)
        if self._received_bytes > self._max_bytes:
            return FetchReason.TOO_LARGE
        self._pieces += bool(chunk)
        if are_crumbs(self._pieces, self._received_bytes):
            return FetchReason.TOO_LARGE  # and nothing to be asked for again
        try:
            content = self._inflate(chunk) if self._encodings else chunk
        except zlib.error:
            return FetchReason.ENCODING
        self._chunks.append(content)
        self.size_bytes += len(content)
        return FetchReason.TOO_LARGE if self.size_bytes > self._max_bytes else None

    def finish(self, length_bytes: int | None = None) -> bytes | FetchReason:
        """The whole content; `incomplete` when there is none, its compression has not ended or it has another length.

        `length_bytes` counts what was sent.
        """
        if not self.size_bytes or (self._inflater is not None and not self._inflater.eof):
            return FetchReason.INCOMPLETE
        if length_bytes is not None and length_bytes != self._received_bytes:
            return FetchReason.INCOMPLETE
        return b"".join(self._chunks)

    def _inflate(self, chunk: bytes) -> bytes:
        if self._inflater is None:
            self._inflater = zlib.decompressobj(self._window(chunk))
        if self._inflater.eof:
            return b""  # else it would gather what comes after the end, copying all of it each time
        # One byte over the cap is enough to know; what is left inside the inflater is dropped with it.
        limit = min(_PIECE_BYTES, self._max_bytes + 1 - self.size_bytes)
        content = self._inflater.decompress(self._inflater.unconsumed_tail + chunk, limit)
        # Not by what is left of the chunk: the end of a match, and of a bare stream, may be in the inflater already.
        self.has_more = len(content) == limit and not self._inflater.eof
        return content

    def _window(self, start: bytes) -> int:
        if self._encodings != ["deflate"]:
            return _GZIP_ONLY
        # RFC 9110 means zlib by `deflate`, yet servers send it bare. A zlib header begins with method 8; no encoder
        # begins a bare stream so, for it would be a stored block with a bit set in its padding.
        return _ZLIB_ONLY if int.from_bytes(start[:1]) & 0x0F == zlib.DEFLATED else _NO_HEADER
