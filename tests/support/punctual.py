# SPDX-License-Identifier: Apache-2.0
"""Whether something ends when it has to, on a machine that has other things to do."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_BEAT_S = 0.05
#: A timer of the event loop counts in whole milliseconds.
_PUNCTUAL_S = 0.005


@asynccontextmanager
async def ends_at(limit_s: float) -> AsyncIterator[None]:
    """Within a tenth of the limit, and what the event loop was late meanwhile without doing anything."""
    loop = asyncio.get_running_loop()
    late_s, due_s, worked_s = 0.0, loop.time() + _BEAT_S, time.thread_time()

    def late_by_others() -> float:
        return max(0.0, loop.time() - due_s - (time.thread_time() - worked_s) - _PUNCTUAL_S)

    async def beat() -> None:
        nonlocal late_s, due_s, worked_s
        while True:
            await asyncio.sleep(_BEAT_S)
            late_s += late_by_others()
            due_s, worked_s = loop.time() + _BEAT_S, time.thread_time()

    beating = asyncio.create_task(beat())
    started_s = loop.time()
    try:
        yield
    finally:
        took_s = loop.time() - started_s
        late_s += late_by_others()
        beating.cancel()
    assert 0.95 * limit_s < took_s < 1.1 * limit_s + late_s, (took_s, late_s)
