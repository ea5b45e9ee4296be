# SPDX-License-Identifier: Apache-2.0
"""Third stage: the served model's opinion of a product."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import structlog

from consumer.bundle import read_text
from consumer.enrichment.boilerplate import Boilerplate
from consumer.errors import DeadLetterReason, HangtagError, ModelFailed, TritonUnavailable, Unprocessable
from consumer.events import InferredProduct, UsableImage
from consumer.retry import Backoff, Breaker
from consumer.triton.failures import RequestRefused
from consumer.triton.prediction import read_prediction
from consumer.triton.tensors import Ensemble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from consumer.bundle import Bundle, ReadText
    from consumer.events import FetchedProduct, ProductText
    from consumer.observability.metrics import Metrics
    from consumer.triton.client import Answer

    Tensors = Mapping[str, NDArray[np.generic]]

log = structlog.get_logger()


class AsksEnsembles(Protocol):
    """What answers are asked of; `TritonClient` is one."""

    async def infer(self, ensemble: Ensemble, tensors: Tensors) -> Answer:
        """The ensemble's answer for one product. Raises TritonUnavailable, ModelFailed, Unprocessable."""
        ...


class KnowsServer(Protocol):
    """Who tells a server that is ill from an event that is; `Contract` is one."""

    async def check_description(self) -> None:
        """Return when the server runs our bundle. Raises IncompatibleModels."""
        ...

    async def is_green(self) -> bool:
        """Whether the canary lives now."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one event is tried. The breaker is shared by all events: an outage is everybody's."""

    poison_attempts: int
    event_deadline_s: float
    backoff: Backoff = field(default_factory=Backoff)
    breaker: Breaker = field(default_factory=Breaker)
    clock: Callable[[], float] = time.monotonic


class Infer:
    """Asks the ensemble that fits what the product has.

    Waits through outages of the server, however long: they say nothing about the event. Raises Unprocessable when the
    server is well and this event keeps failing, or when its answer is not finite.
    """

    def __init__(
        self, client: AsksEnsembles, contract: KnowsServer, bundle: Bundle, patience: Patience, metrics: Metrics
    ) -> None:
        self._client = client
        self._contract = contract
        self._bundle = bundle
        self._patience = patience
        self._metrics = metrics
        self._boilerplate = Boilerplate()

    async def __call__(self, product: FetchedProduct) -> InferredProduct:
        """The product with its prediction; None without text and without a usable image."""
        manifest = self._bundle.manifest
        text = read_text(product.decoded.event, manifest.languages, self._boilerplate)
        text_tensors, words = self._text_tensors(text)
        usable = [image for image in product.images if isinstance(image, UsableImage)][: manifest.max_images]
        tensors = self._image_tensors(usable) | text_tensors
        ensemble = _ensemble_for(tensors)
        if ensemble is None:
            return InferredProduct(product, None, words)
        answer = await self._ask(ensemble, tensors)
        return InferredProduct(product, read_prediction(manifest, ensemble, answer), words)

    @staticmethod
    def _image_tensors(images: list[UsableImage]) -> dict[str, NDArray[np.generic]]:
        if not images:
            return {}
        views = np.stack([image.views for image in images])
        return {"images": views, "image_mask": np.ones(len(images), dtype=np.uint8)}

    def _text_tensors(self, text: ReadText) -> tuple[dict[str, NDArray[np.generic]], ProductText]:
        """The tower's inputs, none without a text, and the words with the flags of everything that was done to them."""
        flags = dict.fromkeys(text.product.flags)
        tensors: dict[str, NDArray[np.generic]] = {}
        if text.shown:
            tokens = self._bundle.tokeniser.encode(text.shown)
            tensors = {"input_ids": tokens.input_ids, "attention_mask": tokens.attention_mask}
            if tokens.is_truncated:
                flags["truncated"] = None
        self._metrics.text_repaired(flags)
        return tensors, replace(text.product, flags=tuple(flags))

    async def _ask(self, ensemble: Ensemble, tensors: Tensors) -> Answer:
        """The answer, after as many attempts as it takes; only failures under a green canary count."""
        patience = self._patience
        outages = failures = 0
        failing_s = 0.0
        while True:
            await self._breaker_closed()
            started = patience.clock()
            try:
                with self._reported():
                    return await self._attempt(ensemble, tensors)
            except TritonUnavailable:
                wait_s = patience.backoff.wait_s(outages)
                outages += 1
            except ModelFailed as error:
                wait_s = patience.backoff.wait_s(failures)
                failures += 1
                failing_s += patience.clock() - started + wait_s
                if failures >= patience.poison_attempts or failing_s >= patience.event_deadline_s:
                    raise Unprocessable(DeadLetterReason.POISON, str(error), attempts=failures) from error
            self._metrics.retried("triton")
            await asyncio.sleep(wait_s)

    async def _attempt(self, ensemble: Ensemble, tensors: Tensors) -> Answer:
        """One attempt. ModelFailed now means that the server is well and this event is not."""
        try:
            return await self._counted(ensemble, tensors)
        except RequestRefused as error:
            await self._contract.check_description()
            raise Unprocessable(DeadLetterReason.POISON, str(error)) from error
        except ModelFailed as error:
            if await self._contract.is_green():
                raise
            raise TritonUnavailable(f"the canary is red, and {error}") from error

    async def _counted(self, ensemble: Ensemble, tensors: Tensors) -> Answer:
        try:
            answer = await self._client.infer(ensemble, tensors)
        except HangtagError as error:
            self._metrics.triton_failed(ensemble, type(error).__name__)
            raise
        self._metrics.triton_answered(ensemble, len(tensors.get("images", ())))
        return answer

    async def _breaker_closed(self) -> None:
        wait_s = self._patience.breaker.wait_s()
        while wait_s > 0:
            await asyncio.sleep(wait_s)
            wait_s = self._patience.breaker.wait_s()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Tell the breaker how the attempt inside ended; whoever it let through owes it that."""
        breaker = self._patience.breaker
        was_open = breaker.is_open
        try:
            yield
        except TritonUnavailable as error:
            breaker.failed()
            if breaker.is_open and not was_open:
                log.warning("triton_breaker_opened", error=str(error))
            raise
        except HangtagError:
            breaker.succeeded()
            raise
        except BaseException:  # cancelled, or a bug: no word on the server
            breaker.abandoned()
            raise
        else:
            breaker.succeeded()
            if was_open:
                log.info("triton_breaker_closed")
        finally:
            self._metrics.breaker_is("triton", is_open=breaker.is_open)


def _ensemble_for(tensors: Tensors) -> Ensemble | None:
    has_images, has_text = "images" in tensors, "input_ids" in tensors
    for ensemble in Ensemble:
        if (ensemble.takes_images, ensemble.takes_text) == (has_images, has_text):
            return ensemble
    return None
