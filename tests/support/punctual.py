# SPDX-License-Identifier: Apache-2.0
"""Whether something ends when it has to, on a machine that has other things to do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_BEAT_S = 0.05
#: A timer of the event loop counts in whole milliseconds.
_PUNCTUAL_S = 0.005


@asynccontextmanager
async def ends_at(limit_s: float) -> AsyncIterator[None]:
    """Within a tenth of the limit, and what the event loop itself was late meanwhile."""
    loop = asyncio.get_running_loop()
    late_s, due_s = 0.0, loop.time() + _BEAT_S

    async def beat() -> None:
        nonlocal late_s, due_s
        while True:
            await asyncio.sleep(_BEAT_S)
            late_s += max(0.0, loop.time() - due_s - _PUNCTUAL_S)
            due_s = loop.time() + _BEAT_S

    beating = asyncio.create_task(beat())
    started_s = loop.time()
    try:
        yield
    finally:
        took_s = loop.time() - started_s
        late_s += max(0.0, loop.time() - due_s)
        beating.cancel()
    assert 0.95 * limit_s < took_s < 1.1 * limit_s + late_s, (took_s, late_s)
