# SPDX-License-Identifier: Apache-2.0
"""One process under measurement: `python -m tests.bench.engine.worker PLAN`. Works until SIGTERM."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from consumer.garbage import spare_what_stays
from consumer.kafka.chains import Chains
from consumer.kafka.event_loop import EventLoopThread
from consumer.kafka.loop import Loop
from consumer.kafka.signals import stop_on_signals
from consumer.observability.logs import configure_logs
from consumer.observability.metrics import Metrics
from consumer.settings import load_settings
from tests.bench.engine.batches import Batches
from tests.bench.engine.fetching import Fetching
from tests.bench.engine.marks import Mark
from tests.bench.engine.plan import IMAGE_BYTES, STUCK_KEY, STUCK_S, Engine, Plan, Work
from tests.bench.engine.stages import stages_of
from tests.support.engine import BUILD

if TYPE_CHECKING:
    from consumer.events import Delivery, Outcome
    from consumer.settings import Settings
    from tests.bench.engine.stages import Stages


class Marking(Metrics):
    """Says after every commit how far the process is."""

    def __init__(self) -> None:
        super().__init__()
        self._final = 0
        self._peak_held_mb = 0.0

    def transaction_committed(self, seconds: float, results: int) -> None:
        super().transaction_committed(seconds, results)
        self._final += results
        Mark.now(self._final, self._peak_held_mb).say()

    def held(self, slots: int, held_bytes: int, eligible_keys: int) -> None:
        super().held(slots, held_bytes, eligible_keys)
        self._peak_held_mb = max(self._peak_held_mb, held_bytes / 1e6)


class Pauses:
    """Waits that cost little: a timer for each event would take more than the engine's own share of an event."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._begun_ms = -1
        self._shared: asyncio.Future[None] | None = None

    def pause(self) -> asyncio.Future[None]:
        """Done after the delay, or up to a millisecond earlier; one for all who ask within the same millisecond."""
        loop = asyncio.get_running_loop()
        now_ms = int(loop.time() * 1000)
        if self._shared is None or now_ms != self._begun_ms:
            self._begun_ms = now_ms
            self._shared = loop.create_future()
            loop.call_later(self._delay_s, self._shared.set_result, None)
        return self._shared


def run_hangtag(plan: Plan, settings: Settings, stages: Stages, metrics: Metrics) -> None:
    """The real loop and the real chains."""
    with EventLoopThread() as events, ExitStack() as stack:
        if plan.work is Work.FETCH:
            fetching = events.run(Fetching.open(settings, metrics, plan.name_server))
            stack.callback(lambda: events.run(fetching.close()))
            chains = Chains(fetching, events, fetching.bytes_per_event)
        else:
            chains = _waiting(plan, stages, events)
        loop = Loop(settings, chains, BUILD, metrics)
        with stop_on_signals(loop.request_stop):
            loop.run()


def _waiting(plan: Plan, stages: Stages, events: EventLoopThread) -> Chains:
    pauses = Pauses(plan.delay_s)
    image_bytes = IMAGE_BYTES if plan.work is Work.IMAGES else 0

    async def handle(delivery: Delivery) -> Outcome:
        body = b"." * image_bytes
        await (asyncio.sleep(STUCK_S) if delivery.key == STUCK_KEY else pauses.pause())
        assert len(body) == image_bytes  # held until here
        return stages(delivery)

    return Chains(handle, events, image_bytes)


def main(plan: Plan) -> None:
    """What the plan says."""
    configure_logs("info" if plan.work is Work.PRODUCT else "error")
    settings = load_settings(**plan.settings)
    settings = settings.model_copy(update={"images": settings.images.model_copy(update=plan.images_unchecked)})
    metrics = Marking()
    spare_what_stays()
    stages = stages_of(plan.work, settings.topics, metrics)
    if plan.engine is Engine.HANGTAG:
        run_hangtag(plan, settings, stages, metrics)
        return
    batches = Batches(settings, stages, plan.delay_s, is_exact=plan.engine is Engine.BATCHES_EXACT)
    with stop_on_signals(batches.request_stop):
        batches.run(metrics)


if __name__ == "__main__":
    main(Plan.load(sys.argv[1]))
