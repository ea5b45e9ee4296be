# SPDX-License-Identifier: Apache-2.0
"""A real process of the real loop with stub stages: `python -m tests.integration.engine.worker FILE`."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.errors import DeadLetterReason, Fatal
from consumer.events import Rejected
from consumer.kafka import bitmap, chains
from consumer.kafka.chains import Chains
from consumer.kafka.event_loop import EventLoopThread
from consumer.kafka.loop import Loop
from consumer.kafka.signals import stop_on_signals
from consumer.observability.metrics import Metrics
from consumer.settings import load_settings
from tests.integration.engine.tally import Tally
from tests.support.engine import BUILD, echo

if TYPE_CHECKING:
    from consumer.events import Delivery, Outcome
    from consumer.settings import TopicSettings

#: Share of the input, marked in the value, that the stub stages reject.
BAD = b":bad"


class TallyMetrics(Metrics):
    """Metrics that a killed process does not take with it."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    def already_done(self) -> None:
        super().already_done()
        self._tally.add("already_done")

    def bitmap(self, partition: int, size_bytes: int) -> None:
        super().bitmap(partition, size_bytes)
        if size_bytes:
            self._tally.add("bitmaps")
            self._tally.put("largest_bitmap", max(size_bytes, self._tally.get("largest_bitmap")))


class StubStages:
    """Waits as long as fetch and inference would, then repeats the value or rejects it."""

    def __init__(self, topics: TopicSettings, tally: Tally, mean_delay_s: float) -> None:
        self._topics = topics
        self._tally = tally
        self._mean_delay_s = mean_delay_s

    async def __call__(self, delivery: Delivery) -> Outcome:
        self._tally.add("started")
        self._tally.add("running")
        await asyncio.sleep(random.expovariate(1 / self._mean_delay_s))
        self._tally.add("running", -1)
        self._tally.add("finished")
        if delivery.value is not None and delivery.value.endswith(BAD):
            now = datetime.now(UTC)
            return Rejected(DeadLetterReason.FIELD_INVALID, "marked", "decode", None, 1, now, now)
        return echo(self._topics, delivery)


def sabotage(what: str) -> None:
    """Break one promise, so that the oracle can show that it would notice."""
    if what == "forget_bitmaps":
        bitmap.decode = lambda *_: set()
    elif what == "forget_order":
        chains._chain_key = lambda work: (id(work.progress), work.delivery.offset)


def main(plan: dict[str, Any]) -> int:
    sabotage(plan["sabotage"])
    settings = load_settings(**plan["settings"])
    tally = Tally(Path(plan["tally"]))
    tally.put("running", 0)
    with EventLoopThread() as events:
        stages = StubStages(settings.topics, tally, plan["mean_delay_s"])
        loop = Loop(settings, Chains(stages, events), BUILD, TallyMetrics(tally))
        with stop_on_signals(loop.request_stop):
            try:
                loop.run()
            except Fatal as error:
                print(repr(error), flush=True)
                return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
