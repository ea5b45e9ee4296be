# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition with a deadline, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PAUSE_S = 0.02


def wait_until(condition: Callable[[], T | None], timeout_s: float, what: str = "the condition") -> T:
    """First true value of `condition`, asked every 20 ms. Raises AssertionError after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come within {timeout_s} s"
        time.sleep(PAUSE_S)
    return value


async def until(condition: Callable[[], object], timeout_s: float = 10) -> None:
    """Wait for what other tasks of this loop bring about. Raises TimeoutError after `timeout_s` seconds."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(PAUSE_S / 2)


async def settle() -> None:
    """Let every other task have some turns: enough to come to where it waits."""
    for _ in range(6):
        await asyncio.sleep(0)
