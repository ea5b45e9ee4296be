# SPDX-License-Identifier: Apache-2.0
"""A real process of the real loop with stub stages: `python -m tests.chaos.worker FILE`.

Its clients and its intake are subclasses that note what they do in the tally; nothing else differs.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.errors import DeadLetterReason, Fatal
from consumer.events import Rejected
from consumer.kafka import clients, loop
from consumer.kafka.chains import Chains
from consumer.kafka.event_loop import EventLoopThread
from consumer.kafka.hang import exit_on_hang
from consumer.kafka.intake import Intake
from consumer.kafka.loop import Loop
from consumer.kafka.signals import stop_on_signals
from consumer.observability.logs import configure_logs
from consumer.observability.metrics import Metrics
from consumer.settings import load_settings
from tests.chaos.failpoints import ProbedConsumer, ProbedProducer
from tests.chaos.sabotage import SABOTAGES, replace
from tests.chaos.tally import Tally
from tests.support.engine import BUILD, echo

if TYPE_CHECKING:
    from consumer.events import Delivery, Outcome
    from consumer.settings import TopicSettings

#: Share of the input, marked in the value, that the stub stages reject.
BAD = b":bad"
#: No exit code of the program: something of it still ran at its end.
LEFTOVERS_EXIT = 71


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


def tallied_intake(tally: Tally) -> type[Intake]:
    """An intake whose count is in the tally, exact at any moment."""

    class TalliedIntake(Intake):
        @property
        def held(self) -> int:
            return tally.get("held")

        @held.setter
        def held(self, value: int) -> None:
            tally.put("held", value)

    return TalliedIntake


class StubStages:
    """Waits as long as fetch and inference would, then repeats the value or rejects it."""

    def __init__(self, topics: TopicSettings, tally: Tally, mean_delay_s: float) -> None:
        self._topics = topics
        self._tally = tally
        self._mean_delay_s = mean_delay_s

    async def __call__(self, delivery: Delivery) -> Outcome:
        self._tally.add("started")
        await asyncio.sleep(random.expovariate(1 / self._mean_delay_s))
        self._tally.add("finished")
        if delivery.value is not None and delivery.value.endswith(BAD):
            now = datetime.now(UTC)
            return Rejected(DeadLetterReason.FIELD_INVALID, "marked", "decode", None, 1, now, now)
        return echo(self._topics, delivery)


def main(plan: dict[str, Any]) -> int:
    """The exit code of one life of a slot."""
    configure_logs("info")
    tally = Tally(Path(plan["tally"]))
    replace(clients, "Producer", partial(ProbedProducer, tally))
    replace(clients, "Consumer", partial(ProbedConsumer, tally))
    replace(loop, "Intake", tallied_intake(tally))
    if plan["sabotage"]:
        SABOTAGES[plan["sabotage"]]()
    settings = load_settings(**plan["settings"])
    try:
        with EventLoopThread() as events:
            stages = StubStages(settings.topics, tally, plan["mean_delay_s"])
            work = Loop(settings, Chains(stages, events), BUILD, TallyMetrics(tally))
            with stop_on_signals(work.request_stop), exit_on_hang(work.vitals):
                work.run()
    except Fatal as error:
        print(repr(error), flush=True)
        return error.exit_code
    if threading.active_count() > 1:
        print("left behind:", threading.enumerate(), flush=True)
        return LEFTOVERS_EXIT
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
