# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from typing import TYPE_CHECKING

from consumer.settings import TopicSettings
from tests.support.engine import engine_settings, running
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from consumer.events import Delivery, Outcome

NOBODY = "127.0.0.1:1"
DRAIN_S = 60.0


async def never_called(_: Delivery) -> Outcome:
    raise AssertionError("there is no broker to read from")


def test_a_stop_while_kafka_is_not_there_does_not_wait_for_the_drain_time() -> None:
    settings = engine_settings(NOBODY, TopicSettings(), "waiting", engine={"drain_s": DRAIN_S})

    with running(settings, never_called) as run:
        wait_until(lambda: "Kafka does not answer" in run.loop.vitals.not_ready(), 30, "the word that Kafka is missing")
        asked_at_s = time.monotonic()
        run.stop()

    assert time.monotonic() - asked_at_s < DRAIN_S / 2
    assert run.loop.vitals.not_alive() == []
