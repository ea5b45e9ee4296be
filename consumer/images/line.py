# SPDX-License-Identifier: Apache-2.0
"""One connection, with an end to what reaches no reader: interim answers, unasked ones, the framing of chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from aiohttp import hdrs
from aiohttp.http_exceptions import HttpProcessingError

from consumer.images.bodies import are_crumbs
from consumer.images.dial import dials
from consumer.images.read_limit import ReadLimited

if TYPE_CHECKING:
    import asyncio

    from aiohttp.http import RawResponseMessage
    from aiohttp.streams import StreamReader

#: Answers 1xx before the one that counts. A host that sends no other costs a core.
_INTERIM_ANSWERS = 5
_INTERIM = frozenset(range(100, 200)) - {101}  # after which there is no HTTP any more
#: What an answer may have in all: a head, and the largest body so many times, for the framing of its chunks.
_HEAD_BYTES, _FRAMING = 1 << 20, 2


class EndlessAnswerError(aiohttp.ClientPayloadError):
    """More has come than any answer needs, or in more pieces."""


class Line(ReadLimited):
    """A connection that says when it stands, takes one answer a request, and has an end to what is no body of it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_body_bytes: int) -> None:
        super().__init__(loop)
        self._max_bytes = _HEAD_BYTES + _FRAMING * max_body_bytes
        self._interim = 0
        self._is_closed = False
        self.begin()

    def begin(self) -> None:
        """Another request goes out."""
        self._is_answered = False
        self._is_until_close = False
        self._pieces = 0
        self._received_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands; others of the same name may have been tried since."""
        super().connection_made(transport)
        dial = dials.get()
        dial.stands = True
        if peer := transport.get_extra_info("peername"):  # None when it has been reset already
            dial.address = str(peer[0])

    def data_received(self, data: bytes) -> None:
        """Take what came, or break off when it is more than any answer needs, or nobody asked for it."""
        self._pieces += bool(data)  # without any, it goes on with what came before
        self._received_bytes += len(data)
        if self._received_bytes > self._max_bytes or are_crumbs(self._pieces, self._received_bytes):
            self._fail(EndlessAnswerError("an answer without end"))
            self._break_off()
        elif self._is_answered and data and self._is_idle:
            self._break_off()
        else:
            super().data_received(data)
            if self._is_answered and isinstance(self.exception(), HttpProcessingError):
                # aiohttp tells whoever waits for a head, and takes the limit of silence from whoever reads the body.
                self._fail(aiohttp.ClientPayloadError("broken framing"))

    def eof_received(self) -> None:
        """The host has closed its side."""
        self._is_closed = True
        super().eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        """A body whose length nobody named is whole only where the connection was closed, not where it broke."""
        if exc is not None and self._is_until_close and not self._is_closed:
            self._fail(aiohttp.ClientPayloadError("the connection broke"))
        super().connection_lost(exc)

    def _fail(self, error: aiohttp.ClientPayloadError) -> None:
        """Tell whoever waits for a head, or reads the body."""
        if not self._is_answered:
            self.set_exception(error)
        elif self._payload is not None and not self._is_idle:
            self._payload.set_exception(error)
            self._payload = None  # else aiohttp would say another one at the end of the connection

    def _break_off(self) -> None:
        self.force_close()
        if self.transport is not None:
            self.transport.abort()

    @property
    def _is_idle(self) -> bool:
        """Whether the answer has come to its end."""
        return self._payload is None or self._payload.is_eof()

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Pass the one answer on; an error instead of one more interim answer than we wait for.

        A second one would lie in memory, of which nobody knows, and pass for the answer to the next request.
        """
        if self._interim > _INTERIM_ANSWERS:
            return
        if self._is_answered:
            self._break_off()  # the client may have put it back already, where nobody asks whether it should close
            return
        head = data[0]
        is_interim = head.code in _INTERIM
        self._is_answered = not is_interim
        self._is_until_close = not (is_interim or head.chunked or hdrs.CONTENT_LENGTH in head.headers)
        self._interim = self._interim + 1 if is_interim else 0
        if self._interim > _INTERIM_ANSWERS:
            self.set_exception(aiohttp.ClientPayloadError("interim answers without end"))
        else:
            super().feed_data(data, size)
