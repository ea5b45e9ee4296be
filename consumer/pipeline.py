# SPDX-License-Identifier: Apache-2.0
"""Read this first: one delivery through the five stages, and its fate.

    Delivery ──> decode ──> fetch ──> infer ──> enrich ──> publish ──> Finished
                    │  DELETE ───────────────────────────────┘            │
                    └── Unprocessable, anywhere ──> Rejected ──────────── ┤
                                                                          v
                             the owner loop (`kafka/loop.py`) publishes either in one transaction with the offsets

Events of one key come one after the other, other keys at the same time (`kafka/chains.py`). A stage knows no other
stage and has no side effect but caches, so a delivery may be run again after a crash; publishing is never repeated.
`Transient` failures are retried where they happen; `Fatal` ones leave the pipeline and stop the process.
"""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import structlog

from consumer.attributes import EventStatus
from consumer.errors import Unprocessable
from consumer.events import EventType, Rejected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.events import DecodedProduct, Delivery, Finished, Outcome
    from consumer.observability.metrics import Metrics
    from consumer.stages.decode import Decode
    from consumer.stages.enrich import Enrich
    from consumer.stages.fetch import Fetch
    from consumer.stages.infer import Infer
    from consumer.stages.publish import Publish

log = structlog.get_logger()

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class Stages:
    """The five stages, in order."""

    decode: Decode
    fetch: Fetch
    infer: Infer
    enrich: Enrich
    publish: Publish


class Pipeline:
    """One delivery in, its outcome out. Runs on the event loop; many deliveries are under way at a time."""

    def __init__(self, stages: Stages, metrics: Metrics) -> None:
        self._stages = stages
        self._metrics = metrics

    async def __call__(self, delivery: Delivery) -> Outcome:
        """`Finished` with the records to publish, or `Rejected` when the event can never work. Raises only Fatal."""
        journey = _Journey(self._metrics)
        try:
            decoded = await journey.through("decode", self._stages.decode, delivery)
            journey.event_id = decoded.event.event_id
            if decoded.event.event_type is EventType.DELETE:
                return await self._delete(journey, decoded)
            return await self._upsert(journey, decoded)
        except Unprocessable as error:
            self._metrics.event_finished("dead_lettered")
            self._metrics.event_dead_lettered(error.reason)
            return journey.rejected(error)

    async def _delete(self, journey: _Journey, decoded: DecodedProduct) -> Finished:
        finished = await journey.through("publish", self._stages.publish.tombstones, decoded)
        self._metrics.event_finished("deleted")
        return finished

    async def _upsert(self, journey: _Journey, decoded: DecodedProduct) -> Finished:
        fetched = await journey.through("fetch", self._stages.fetch, decoded)
        inferred = await journey.through("infer", self._stages.infer, fetched)
        enriched = await journey.through("enrich", self._stages.enrich, inferred)
        finished = await journey.through("publish", self._stages.publish, enriched)
        is_degraded = enriched.attributes.status is EventStatus.DEGRADED
        self._metrics.event_finished("degraded" if is_degraded else "enriched")
        return finished


class _Journey:
    """Where one delivery is, and since when."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._first_at = datetime.now(UTC)
        self._stage = "decode"
        self.event_id: str | None = None

    async def through(self, stage: str, run: Callable[[In], Awaitable[Out]], value: In) -> Out:
        self._stage = stage
        started = time.perf_counter()
        try:
            return await run(value)
        finally:
            self._metrics.stage_took(stage, time.perf_counter() - started)

    def rejected(self, error: Unprocessable) -> Rejected:
        return Rejected(
            reason=error.reason,
            message=str(error),
            stage=self._stage,
            event_id=error.event_id or self.event_id,
            attempts=error.attempts,
            first_at=self._first_at,
            last_at=datetime.now(UTC),
            error_class=f"{type(error).__module__}.{type(error).__qualname__}",
            stacktrace="".join(traceback.format_exception(error)),
        )
