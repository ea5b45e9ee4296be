# SPDX-License-Identifier: Apache-2.0
"""URLs, fetched and decoded as a worker would, with every step: for the operator who asks why."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from consumer.events import FetchReason
from consumer.images.decode_pool import DecodePool
from consumer.images.http import Fetcher
from consumer.images.loading import Loader
from consumer.observability.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from consumer.images.steps import Step
    from consumer.settings import ImageSettings

#: Of the views, as in every bundle so far. No verdict depends on it.
_SIDE_PX = 224


class Verdict(StrEnum):
    """What an operator may want to do about it."""

    OK = "ok"
    REFUSED = "refused"
    """Our own rules say no, to the URL or to where it leads."""
    FAILED = "failed"
    """The host or the picture is not as it should be."""


@dataclass(frozen=True, slots=True)
class CheckedUrl:
    """What became of a URL."""

    url: str
    reason: FetchReason | None
    """None for a picture that a model could be shown."""
    steps: tuple[Step, ...]
    """None where the URL was refused as it stands."""

    @property
    def verdict(self) -> Verdict:
        """In one of three words."""
        if self.reason is None:
            return Verdict.OK
        return Verdict.REFUSED if self.reason.is_refusal else Verdict.FAILED


def check_urls(
    urls: Iterable[str], vendor_id: str, settings: ImageSettings, tell: Callable[[CheckedUrl], None]
) -> None:
    """Load the URLs as if the vendor had sent them, `in_flight` at a time, and tell of each in the order given.

    `tell` is called on a thread, one call after the other: it may block, as a pipe does, and no fetch runs out of time.
    What it raises ends the rest. Raises SettingsInvalid.
    """
    asyncio.run(_check_urls(urls, vendor_id, settings, tell))


async def _check_urls(
    urls: Iterable[str], vendor_id: str, settings: ImageSettings, tell: Callable[[CheckedUrl], None]
) -> None:
    metrics = Metrics()
    fetcher = await Fetcher.open(settings, metrics)
    pool = DecodePool(settings, metrics)
    loader = Loader(fetcher, pool, settings.body_bytes, _SIDE_PX)
    running: deque[asyncio.Task[CheckedUrl]] = deque()
    try:
        for url in urls:
            if len(running) == settings.in_flight:
                await asyncio.to_thread(tell, await running.popleft())
            running.append(asyncio.create_task(_check_url(loader, url, vendor_id)))
        while running:
            await asyncio.to_thread(tell, await running.popleft())
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await fetcher.close()
        pool.close()


async def _check_url(loader: Loader, url: str, vendor_id: str) -> CheckedUrl:
    loaded = await loader.load(url, vendor_id)
    reason = loaded.views if isinstance(loaded.views, FetchReason) else None
    return CheckedUrl(url, reason, loaded.steps)
