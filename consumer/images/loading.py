# SPDX-License-Identifier: Apache-2.0
"""A vendor's URL -> the views of its picture, or why there are none: fetch, then decode."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from consumer.events import FetchReason
from consumer.images.fetched import FetchFailed
from consumer.images.memory import BodyMemory
from consumer.images.single_flight import SingleFlight
from consumer.images.steps import Step, StepKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from consumer.images.decode_pool import DecodedBody, DecodePool
    from consumer.images.fetched import FetchResult
    from consumer.images.memory import Share


#: No vendor alone fills the memory for bodies, and no number of them: this part is for those who hold little of it.
_VENDORS_AT_LEAST, _FOR_LITTLE = 4, 3


class FetchesImages(Protocol):
    """What bodies are asked of; `Fetcher` is one."""

    async def fetch(self, url: str, vendor_id: str, share: Share) -> FetchResult:
        """The body behind a URL, booked on `share`, or why there is none; never raises for an image."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a URL."""

    views: NDArray[np.uint8] | FetchReason
    """uint8 [2, side, side, 3], RGB: the whole picture, then the detail."""
    content_hash: str | None
    """SHA-256 of the body, lower-case hex; None when no body came, or too much waited to look at it."""
    steps: tuple[Step, ...]
    told: FetchReason | None = None
    """In the vendor's event, instead of the reason."""


class Loader:
    """Products that name one picture at the same time share it, vendor by vendor. For one event loop."""

    def __init__(self, fetcher: FetchesImages, pool: DecodePool, body_bytes: int, side: int) -> None:
        self._fetcher = fetcher
        self._pool = pool
        self._memory = BodyMemory(body_bytes, body_bytes // _VENDORS_AT_LEAST, body_bytes // _FOR_LITTLE)
        self._side = side
        self._running: SingleFlight[Loaded] = SingleFlight()

    async def load(self, url: str, vendor_id: str) -> Loaded:
        """The views, or the reason; never raises for an image."""
        # The vendor is part of the key: one's picture is no way around the other's list of hosts.
        return await self._running.run((vendor_id, url), lambda: self._load(url, vendor_id))

    async def _load(self, url: str, vendor_id: str) -> Loaded:
        with self._memory.share(vendor_id) as share:
            fetched = await self._fetcher.fetch(url, vendor_id, share)
            if isinstance(fetched, FetchFailed):
                return Loaded(fetched.reason, None, fetched.steps, fetched.told)
            share.whole()
            started = time.monotonic()
            decoded = await self._pool.decode(fetched.body, self._side, vendor_id)
        size = f"{len(fetched.body)} bytes"
        step = Step(StepKind.DECODE, size, _outcome(decoded), time.monotonic() - started, cause=_cause(decoded))
        return Loaded(decoded.views, decoded.content_hash, (*fetched.steps, step))


def _outcome(decoded: DecodedBody) -> str:
    """`JPEG 1000x1333`, `GIF 240x320, animated`, or the reason's word."""
    return decoded.views.value if isinstance(decoded.views, FetchReason) else _picture(decoded)


def _cause(decoded: DecodedBody) -> str | None:
    """What the header of a picture says that cannot be used."""
    return _picture(decoded) if isinstance(decoded.views, FetchReason) and decoded.header else None


def _picture(decoded: DecodedBody) -> str:
    header = decoded.header
    assert header is not None
    return f"{header.format} {header.width}x{header.height}{', animated' if header.animated else ''}"
