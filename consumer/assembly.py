# SPDX-License-Identifier: Apache-2.0
"""The stages that judge a product, with the clients that they ask: the same for the service and for one product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from consumer.enrichment.lexicon import Lexicon
from consumer.enrichment.ontology import Ontology
from consumer.images.decode_pool import DecodePool
from consumer.images.http import Fetcher
from consumer.images.loading import Loader
from consumer.retry import Backoff
from consumer.stages.enrich import Enrich
from consumer.stages.fetch import Fetch
from consumer.stages.infer import Infer, Patience
from consumer.triton.client import TritonClient
from consumer.triton.contract import Contract
from consumer.triton.watch import Watch

if TYPE_CHECKING:
    from types import TracebackType

    from consumer.bundle import Bundle
    from consumer.images.loading import FetchesImages
    from consumer.observability.metrics import Metrics
    from consumer.settings import Settings


class Outside:
    """Image hosts, the decode pool and Triton, for the event loop that opens it. Whoever opened it closes it there."""

    def __init__(self, settings: Settings, bundle: Bundle, metrics: Metrics, fetcher: Fetcher) -> None:
        self._settings = settings
        self._bundle = bundle
        self._metrics = metrics
        self._triton = TritonClient(settings.triton, bundle)
        self._pool = DecodePool(settings.images, metrics)
        self.fetcher = fetcher
        self.contract = Contract(self._triton, bundle)
        self.watch = Watch(self.contract, Backoff())

    @classmethod
    async def open(cls, settings: Settings, bundle: Bundle, metrics: Metrics) -> Self:
        """Asks nobody yet. Raises SettingsInvalid."""
        return cls(settings, bundle, metrics, await Fetcher.open(settings.images, metrics))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection and end the threads."""
        await self.watch.stop()
        await self._triton.close()
        await self.fetcher.close()
        self._pool.close()

    def fetch(self, fetcher: FetchesImages) -> Fetch:
        """The second stage, which asks `fetcher` for bodies."""
        images = self._settings.images
        loader = Loader(fetcher, self._pool, images.body_bytes, self._bundle.manifest.side)
        return Fetch(loader, images.per_product)

    def infer(self) -> Infer:
        """The third stage."""
        patience = Patience(self._settings.triton.poison_attempts, self._settings.engine.event_deadline_s)
        return Infer(self._triton, self.contract, self._bundle, patience, self._metrics)

    def enrich(self) -> Enrich:
        """The fourth stage, once the contract was seen to hold. Raises IncompatibleModels for unknown labels."""
        manifest, thresholds = self._bundle.manifest, self._bundle.thresholds
        ontology, lexicon = Ontology.load(manifest.ontology), Lexicon.load(manifest.lexicon)
        return Enrich(ontology, lexicon, manifest, thresholds, precision=self.contract.precision)
