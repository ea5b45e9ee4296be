# SPDX-License-Identifier: Apache-2.0
"""Composition root: settings in, running service out. With `assembly.py` it knows every concrete class.

Threads: this one owns Kafka (`kafka/loop.py`); the event loop runs the stages; the decode pool makes pixels; the health
server answers probes. Each is started and joined here or by the object that started it.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

import structlog

from consumer import __version__
from consumer.assembly import Outside
from consumer.bundle import load_bundle
from consumer.errors import SettingsInvalid
from consumer.garbage import spare_what_stays
from consumer.headers import Build
from consumer.kafka.chains import Chains
from consumer.kafka.event_loop import EventLoopThread
from consumer.kafka.hang import exit_on_hang
from consumer.kafka.loop import Loop
from consumer.observability.health import Checks, HealthServer
from consumer.observability.metrics import Metrics
from consumer.pipeline import Pipeline, Stages
from consumer.registry.opening import open_codec
from consumer.stages.decode import Decode
from consumer.stages.publish import Publish, Publisher

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.registry.codec import Codec
    from consumer.settings import Settings
    from consumer.triton.watch import Watch

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
            outside = self._events.run(Outside.open(self._settings, self._bundle, self._metrics))
            stack.callback(lambda: self._events.run(outside.close()))
            self._watch = outside.watch
            self._codec = stack.enter_context(open_codec(self._settings.registry, self._settings.topics))
            if self._events.run(self._others_came(outside.watch, self._codec)):
                self._consume(outside, self._codec)

    def _consume(self, outside: Outside, codec: Codec) -> None:
        pipeline = Pipeline(self._stages(outside, codec), self._metrics)
        image_bytes = _VIEWS * _CHANNELS * self._bundle.manifest.side**2
        chains = Chains(pipeline, self._events, bytes_per_event=image_bytes * self._settings.images.per_product)
        build = Build(__version__, self._bundle.manifest.bundle)
        self._loop = Loop(self._settings, chains, build, self._metrics)
        if self._is_stopping:  # it came while the loop was not there to hear it
            self._loop.request_stop()
        spare_what_stays()
        with exit_on_hang(self._loop.vitals):
            self._loop.run()
        if outside.watch.failure:
            raise outside.watch.failure

    def _stages(self, outside: Outside, codec: Codec) -> Stages:
        bundle = self._bundle
        publisher = Publisher(self._settings.kafka.group_id, bundle.manifest.bundle, bundle.thresholds.version)
        return Stages(
            decode=Decode(codec, self._metrics),
            fetch=outside.fetch(outside.fetcher),
            infer=outside.infer(),
            enrich=outside.enrich(),
            publish=Publish(codec, self._settings.topics, publisher),
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
