# SPDX-License-Identifier: Apache-2.0
"""An answer's head and body -> the bytes of a picture, or the reason why it holds none. Pure."""

from __future__ import annotations

import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs

from consumer.events import FetchReason

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

_GZIP_ONLY, _ZLIB_ONLY, _NO_HEADER = 31, 15, -15
_CLIENT_ERRORS, _SERVER_ERRORS = range(400, 500), range(500, 600)


def judge_status(status: int) -> FetchReason | None:
    """None for 200, the one status that brings a whole picture."""
    if status == HTTPStatus.OK:
        return None
    if status == HTTPStatus.PARTIAL_CONTENT:  # nobody asked for a part
        return FetchReason.PARTIAL
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return FetchReason.RATE_LIMITED
    if status in _CLIENT_ERRORS:
        return FetchReason.STATUS_4XX
    return FetchReason.STATUS_5XX if status in _SERVER_ERRORS else FetchReason.STATUS_OTHER


def judge_head(headers: CIMultiDictProxy[str], max_body_bytes: int) -> FetchReason | None:
    """Whether the body is worth reading. Types are a hint: only the magic bytes decide what is decoded."""
    if not all(map(_may_be_an_image, headers.getall(hdrs.CONTENT_TYPE, []))):
        return FetchReason.CONTENT_TYPE
    length = headers.get(hdrs.CONTENT_LENGTH, "0")
    return FetchReason.TOO_LARGE if length.isdecimal() and int(length) > max_body_bytes else None


def _may_be_an_image(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return not media_type or media_type.startswith("image/") or media_type.endswith("/octet-stream")


class Body:
    """Collects a body chunk by chunk, inflates what was compressed unasked, and never holds more than the cap."""

    def __init__(self, encodings: list[str], max_bytes: int) -> None:
        names = [name.strip().lower() for header in encodings for name in header.split(",")]
        self._encodings = [name for name in names if name not in {"", "identity"}]
        self._max_bytes = max_bytes
        self._received = 0
        self._content = bytearray()
        self._inflater: zlib._Decompress | None = None

    def judge_encoding(self) -> FetchReason | None:
        """`encoding` for what we do not inflate: brotli, zstd, and one encoding in another."""
        known = not self._encodings or self._encodings in (["gzip"], ["x-gzip"], ["deflate"])
        return None if known else FetchReason.ENCODING

    def feed(self, chunk: bytes) -> FetchReason | None:
        """Take a chunk. A reason ends it: `too_large`, sent or inflated, or `encoding` for broken compression."""
        self._received += len(chunk)
        if self._received > self._max_bytes:
            return FetchReason.TOO_LARGE
        try:
            self._content += self._inflate(chunk) if self._encodings else chunk
        except zlib.error:
            return FetchReason.ENCODING
        return FetchReason.TOO_LARGE if len(self._content) > self._max_bytes else None

    def finish(self) -> bytes | FetchReason:
        """The whole content; `incomplete` when there is none or the compressed stream has not ended."""
        if not self._content or (self._inflater is not None and not self._inflater.eof):
            return FetchReason.INCOMPLETE
        return bytes(self._content)

    def _inflate(self, chunk: bytes) -> bytes:
        if self._inflater is None:
            self._inflater = zlib.decompressobj(self._window(chunk))
        if self._inflater.eof:
            return b""  # else it would gather what comes after the end, copying all of it each time
        # One byte over the cap is enough to know; what is left inside the inflater is dropped with it.
        return self._inflater.decompress(chunk, self._max_bytes + 1 - len(self._content))

    def _window(self, start: bytes) -> int:
        if self._encodings != ["deflate"]:
            return _GZIP_ONLY
        # RFC 9110 means zlib by `deflate`, yet servers send it bare. A zlib header begins with method 8; no encoder
        # begins a bare stream so, for it would be a stored block with a bit set in its padding.
        return _ZLIB_ONLY if int.from_bytes(start[:1]) & 0x0F == zlib.DEFLATED else _NO_HEADER
