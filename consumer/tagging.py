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
from consumer.events import DecodedProduct, Delivery
from consumer.images.files import FileBodies
from consumer.local import parts
from consumer.observability.metrics import Metrics
from consumer.settings import TritonSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.attributes import ProductAttributes
    from consumer.events import ProductEvent
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
        bodies = FileBodies(product.files, settings.images.max_body_bytes, outside.fetcher)
        try:
            async with asyncio.timeout(timeout_s):
                await outside.contract.check_description()
                fetched = await outside.fetch(bodies)(delivered(product.event))
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


def delivered(event: ProductEvent) -> DecodedProduct:
    """As if it had come from a topic; there is none, which the empty name and -1 say."""
    return DecodedProduct(Delivery("", -1, -1, event.key.encode(), None, (), -1), event)
