# SPDX-License-Identifier: Apache-2.0
"""Composition root: settings in, running service out. The one module that knows every concrete class.

Threads: this one owns Kafka (`kafka/loop.py`); the event loop runs the stages; the decode pool makes pixels; the health
server answers probes. Each is started and joined here or by the object that started it.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import structlog

from consumer import __version__
from consumer.bundle import load_bundle
from consumer.enrichment.ontology import Ontology
from consumer.errors import SettingsInvalid
from consumer.headers import Build
from consumer.images.decode_pool import DecodePool
from consumer.images.http import Fetcher
from consumer.kafka.chains import Chains
from consumer.kafka.event_loop import EventLoopThread
from consumer.kafka.hang import exit_on_hang
from consumer.kafka.loop import Loop
from consumer.observability.health import Checks, HealthServer
from consumer.observability.metrics import Metrics
from consumer.pipeline import Pipeline, Stages
from consumer.registry.opening import open_codec
from consumer.retry import Backoff
from consumer.stages.decode import Decode
from consumer.stages.enrich import Enrich
from consumer.stages.fetch import Fetch
from consumer.stages.infer import Infer, Patience
from consumer.stages.publish import Publish, Publisher
from consumer.triton.client import TritonClient
from consumer.triton.contract import Contract
from consumer.triton.watch import Watch

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.bundle import Bundle
    from consumer.registry.codec import Codec
    from consumer.settings import Settings

log = structlog.get_logger()

_VIEWS, _CHANNELS = 2, 3


class Service:
    """The consumer, from its first connection to its last commit."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsInvalid or IncompatibleModels when the bundle cannot be read."""
        self._settings = settings
        self._bundle = load_bundle(settings.triton.bundle)
        self._metrics = Metrics()
        self._metrics.started(version=__version__, bundle=self._bundle.manifest.bundle)
        self._is_stopping = False
        self._stop_requested = asyncio.Event()
        self._events = EventLoopThread()
        self._watch: Watch | None = None
        self._codec: Codec | None = None
        self._loop: Loop | None = None

    def request_stop(self) -> None:
        """Ask `run` to finish what is under way and return. From any thread."""
        self._is_stopping = True  # before the look at the loop: whoever comes second sees the other's word
        self._events.call(self._stop_requested.set)
        if self._loop:
            self._loop.request_stop()

    def run(self, health_port_file: Path | None = None) -> None:
        """Work until `request_stop`; the calling thread becomes the owner of the Kafka clients. Raises Fatal."""
        with ExitStack() as stack:
            stack.enter_context(self._events)
            self._serve_health(stack, health_port_file)
            outside = self._events.run(_Outside.open(self._settings, self._bundle, self._metrics))
            stack.callback(lambda: self._events.run(outside.close()))
            self._watch = outside.watch
            self._codec = stack.enter_context(open_codec(self._settings.registry, self._settings.topics))
            if self._events.run(self._others_came(outside.watch, self._codec)):
                self._consume(outside, self._codec)

    def _consume(self, outside: _Outside, codec: Codec) -> None:
        pipeline = Pipeline(self._stages(outside, codec), self._metrics)
        image_bytes = _VIEWS * _CHANNELS * self._bundle.manifest.side**2
        chains = Chains(pipeline, self._events, bytes_per_event=image_bytes * self._settings.images.per_product)
        build = Build(__version__, self._bundle.manifest.bundle)
        self._loop = Loop(self._settings, chains, build, self._metrics)
        if self._is_stopping:  # it came while the loop was not there to hear it
            self._loop.request_stop()
        with exit_on_hang(self._loop.vitals):
            self._loop.run()
        if outside.watch.failure:
            raise outside.watch.failure

    def _stages(self, outside: _Outside, codec: Codec) -> Stages:
        settings, bundle, manifest = self._settings, self._bundle, self._bundle.manifest
        patience = Patience(settings.triton.poison_attempts, settings.engine.event_deadline_s)
        publisher = Publisher(settings.kafka.group_id, manifest.bundle, bundle.thresholds.version)
        ontology = Ontology.load(manifest.ontology)
        return Stages(
            decode=Decode(codec, self._metrics),
            fetch=Fetch(outside.fetcher, outside.pool, settings.images, manifest.side),
            infer=Infer(outside.triton, outside.contract, bundle, patience, self._metrics),
            enrich=Enrich(ontology, manifest, bundle.thresholds, precision=outside.contract.precision),
            publish=Publish(codec, settings.topics, publisher),
        )

    async def _others_came(self, watch: Watch, codec: Codec) -> bool:
        """Whether models and schemas are there; False when a stop was asked for first. Raises Fatal."""

        async def wait_for_both() -> None:
            await codec.ready()
            await watch.wait_until_ready()

        ready = asyncio.create_task(wait_for_both())
        stopped = asyncio.create_task(self._stop_requested.wait())
        await asyncio.wait({ready, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not ready.done():
            ready.cancel()
            return False
        await ready
        watch.start(on_fatal=self.request_stop)
        return True

    def _serve_health(self, stack: ExitStack, port_file: Path | None) -> None:
        server = HealthServer(self._settings.health, Checks(self._not_alive, self._not_ready), self._metrics)
        server.start()
        stack.callback(server.stop)
        if port_file:
            try:
                port_file.write_text(f"{server.port}\n")
            except OSError as error:
                raise SettingsInvalid(f"--health-port-file: cannot write {port_file}: {error.strerror}") from error

    def _not_alive(self) -> list[str]:
        return self._loop.vitals.not_alive() if self._loop else []

    def _not_ready(self) -> list[str]:
        others = [other.fault for other in (self._watch, self._codec) if other]
        return [*filter(None, others)] + (self._loop.vitals.not_ready() if self._loop else ["the loop has not started"])


class _Outside:
    """What talks to the outside besides Kafka; lives on the event loop."""

    def __init__(self, fetcher: Fetcher, pool: DecodePool, triton: TritonClient, bundle: Bundle) -> None:
        self.fetcher = fetcher
        self.pool = pool
        self.triton = triton
        self.contract = Contract(triton, bundle)
        self.watch = Watch(self.contract, Backoff())

    @classmethod
    async def open(cls, settings: Settings, bundle: Bundle, metrics: Metrics) -> Self:
        fetcher = await Fetcher.open(settings.images, metrics)
        return cls(fetcher, DecodePool(settings.images, metrics), TritonClient(settings.triton, bundle), bundle)

    async def close(self) -> None:
        await self.watch.stop()
        await self.triton.close()
        await self.fetcher.close()
        self.pool.close()
