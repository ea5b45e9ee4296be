# SPDX-License-Identifier: Apache-2.0
"""One product through the very stages of the service, without Kafka: what `hangtag tag` does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from consumer.assembly import Outside
from consumer.bundle import load_bundle
from consumer.errors import Refused, Transient
from consumer.events import DecodedProduct, Delivery, FetchReason
from consumer.images.fetched import Fetched, FetchFailed
from consumer.local import parts
from consumer.observability.metrics import Metrics
from consumer.settings import TritonSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.attributes import ProductAttributes
    from consumer.events import ProductEvent
    from consumer.images.fetched import FetchResult
    from consumer.images.http import Fetcher
    from consumer.images.memory import Share
    from consumer.settings import Settings


@dataclass(frozen=True, slots=True)
class Product:
    """An event, and the files that some of its image URLs stand for: no policy is asked about those."""

    event: ProductEvent
    files: Mapping[str, Path] = field(default_factory=dict)


def settings_for(settings: Settings, state: Path) -> Settings:
    """The settings, or with the parts that run in the folder `state` where `triton.grpc` was left at its default."""
    if settings.triton.grpc != TritonSettings().grpc:
        return settings
    running = parts.status(state)
    if running.triton is None:
        return settings
    theirs = {
        "grpc": running.triton.grpc,
        "read_key": SecretStr(running.triton.read_key),
        "bundle": running.triton.bundle and Path(running.triton.bundle),
    }
    images = settings.images
    if running.images:
        allowed = (*images.allow_private, parts.allowed_endpoint(running.images))
        images = images.model_copy(update={"allow_private": allowed})
    return settings.model_copy(update={"triton": settings.triton.model_copy(update=theirs), "images": images})


def tag(settings: Settings, product: Product, timeout_s: float) -> ProductAttributes:
    """What would be published for the event. A lost image is told in it and is no error.

    Raises Refused when Triton does not answer in time, IncompatibleModels, and Unprocessable as the stages do.
    """
    return asyncio.run(_tag(settings, product, timeout_s))


async def _tag(settings: Settings, product: Product, timeout_s: float) -> ProductAttributes:
    bundle = load_bundle(settings.triton.bundle)
    async with await Outside.open(settings, bundle, Metrics()) as outside:
        try:
            async with asyncio.timeout(timeout_s):
                await outside.contract.check_description()
                fetched = await outside.fetch(_Files(product.files, outside.fetcher, settings))(_delivered(product))
                enriched = await outside.enrich()(await outside.infer()(fetched))
        except TimeoutError as error:
            raise _no_answer(settings, f"not within {timeout_s:g} s") from error
        except Transient as error:
            raise _no_answer(settings, str(error)) from error
    return enriched.attributes


def _no_answer(settings: Settings, why: str) -> Refused:
    return Refused(
        f"no Triton answers at {settings.triton.grpc} (triton.grpc); to start one: hangtag local up\n  {why}"
    )


def _delivered(product: Product) -> DecodedProduct:
    """As if it had come from a topic; there is none, which the empty name and -1 say."""
    return DecodedProduct(Delivery("", -1, -1, product.event.key.encode(), None, (), -1), product.event)


class _Files:
    """Bodies from files where a URL stands for one, else from the real fetcher."""

    def __init__(self, files: Mapping[str, Path], fetcher: Fetcher, settings: Settings) -> None:
        self._files = files
        self._fetcher = fetcher
        self._max_bytes = settings.images.max_body_bytes

    async def fetch(self, url: str, vendor_id: str, share: Share) -> FetchResult:
        file = self._files.get(url)
        if file is None:
            return await self._fetcher.fetch(url, vendor_id, share)
        with file.open("rb") as opened:
            body = opened.read(self._max_bytes + 1)
        return FetchFailed(url, FetchReason.TOO_LARGE) if len(body) > self._max_bytes else Fetched(url, body)
