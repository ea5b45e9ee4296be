# SPDX-License-Identifier: Apache-2.0
"""Readiness of the served models: a canary every few seconds. The server's own word is not enough (server#8604)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from consumer.errors import Fatal, TritonUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.retry import Backoff
    from consumer.triton.contract import Contract

log = structlog.get_logger()


class Watch:
    """Waits for the server at start, then keeps asking. `fault` may be read from any thread."""

    def __init__(self, contract: Contract, backoff: Backoff, *, interval_s: float = 10.0) -> None:
        self._contract = contract
        self._backoff = backoff
        self._interval_s = interval_s
        self._asking: asyncio.Task[None] | None = None
        self.fault: str | None = "triton: not asked yet"
        self.failure: Fatal | None = None

    async def wait_until_ready(self) -> None:
        """Return when the contract holds, however long the server takes. Raises Refused or IncompatibleModels."""
        attempt = 0
        while True:
            try:
                await self._contract.verify()
            except TritonUnavailable as error:
                self.fault = f"triton: {error}"
                log.warning("waiting_for_triton", error=str(error))
            else:
                self.fault = None
                return
            await asyncio.sleep(self._backoff.wait_s(attempt))
            attempt += 1

    def start(self, on_fatal: Callable[[], None]) -> None:
        """Keep asking, until `stop`. Other models than ours end it: `on_fatal` is called, `failure` says why."""
        self._asking = asyncio.create_task(self._keep_asking(on_fatal))

    async def stop(self) -> None:
        """Ask no more."""
        if self._asking:
            self._asking.cancel()
            await asyncio.wait({self._asking})

    async def _keep_asking(self, on_fatal: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                is_green = await self._contract.is_green()
            except Fatal as error:
                self.fault, self.failure = f"triton: {error}", error
                on_fatal()
                return
            else:
                self.fault = None if is_green else "triton: the canary is red"
