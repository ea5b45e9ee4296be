# SPDX-License-Identifier: Apache-2.0
"""A limit of silence on a connection, by one timer that looks now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    import asyncio


class ReadLimited(ResponseHandler):
    """Ends a silence at the same moment as aiohttp's own handler, which sets a timer anew for every read.

    That is a tenth of what our checks cost an image on a kept connection. Should aiohttp come to call these two methods
    otherwise, its own timers are back: the tests of silence hold either way.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._heard_s: float | None = None
        """When something came, or was asked for; None when nothing is waited for."""
        self._next_look: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nothing comes any more."""
        super().connection_lost(exc)
        if self._next_look is not None:
            self._next_look.cancel()

    def _reschedule_timeout(self) -> None:
        if self._read_timeout:
            self._heard_s = self._loop.time()
            if self._next_look is None:
                self._next_look = self._loop.call_later(self._read_timeout, self._look)

    def _drop_timeout(self) -> None:
        self._heard_s = None

    def _look(self) -> None:
        self._next_look = None
        if self._heard_s is None or not self._read_timeout:
            return
        left_s = self._heard_s + self._read_timeout - self._loop.time()
        if left_s > 0:
            self._next_look = self._loop.call_later(left_s, self._look)
        else:
            self._heard_s = None
            self._on_read_timeout()
