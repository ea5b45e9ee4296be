# SPDX-License-Identifier: Apache-2.0
"""Two ways to get a picture by its URL: with all checks, and with none."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from consumer.images.fetched import Fetched
from consumer.images.http import Fetcher
from consumer.images.memory import BodyMemory
from consumer.observability.metrics import Metrics
from consumer.settings import ImageSettings
from tests.integration.images.hosts import PUBLIC, Names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from pathlib import Path

    #: The bytes that came.
    Get = Callable[[str], Awaitable[int]]

#: The host, as both look it up.
NAME = "images.example"


@asynccontextmanager
async def ours(ports: Iterable[int], ca_file: Path) -> AsyncIterator[Get]:
    """The service's fetcher."""
    settings = ImageSettings(allow_private=tuple(f"{PUBLIC}/32:{port}" for port in ports), ca_file=ca_file)
    fetcher = await Fetcher.open(settings, Metrics(), resolver=_names())
    memory = BodyMemory(settings.body_bytes)

    async def get(url: str) -> int:
        with memory.share() as share:
            result = await fetcher.fetch(url, "acme", share)
        assert isinstance(result, Fetched), result
        return len(result.body)

    try:
        yield get
    finally:
        await fetcher.close()


@asynccontextmanager
async def unchecked(ca_file: Path) -> AsyncIterator[Get]:
    """An aiohttp session as it comes."""
    context = ssl.create_default_context()
    context.load_verify_locations(ca_file)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=_names(), ssl=context)) as session:

        async def get(url: str) -> int:
            async with session.get(url) as response:
                return len(await response.read())

        yield get


def _names() -> Names:
    return Names({NAME: [PUBLIC]})
