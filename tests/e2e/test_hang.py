# SPDX-License-Identifier: Apache-2.0
"""A call to the Kafka client that never returns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from consumer.errors import StaleGeneration
from consumer.headers import last_value
from tests.support.consumer import run_consumer, settings_between
from tests.support.flow import Ends, upsert
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.kafka import Kafka
    from tests.support.triton import Triton

pytestmark = [pytest.mark.kafka, pytest.mark.triton, pytest.mark.slow, pytest.mark.timeout(300)]

EVENTS = 40
RED_LIMIT_S = 30
EXIT_LIMIT_S = 120
#: Python runs this file of its own accord at the start. The wait is inside of C, where no signal handler runs.
HANGS = """
import os, signal
from confluent_kafka import Producer
from consumer.kafka import clients

class Hanging(Producer):
    def CALL(self, *arguments):
        if os.path.exists(os.environ["HANGS_WHEN_THERE_IS"]):
            signal.sigwait({signal.SIGUSR2})
        super().CALL(*arguments)

clients.Producer = Hanging
"""


@pytest.mark.parametrize(
    ("call", "last_words"),
    [
        ("commit_transaction", ("owner_thread_hangs", "commit_transaction")),
        # Has a limit of its own, 15 s, beside which the transaction's time does not matter.
        ("send_offsets_to_transaction", ("has not come back from sending offsets",)),
    ],
)
def test_a_hanging_client_ends_the_process_and_its_next_life_loses_and_repeats_nothing(
    kafka: Kafka, triton: Triton, tmp_path: Path, call: str, last_words: tuple[str, ...]
) -> None:
    ends = Ends(kafka.bootstrap_servers, kafka.create_topics(2))
    settings = settings_between(ends, triton) | {"HANGTAG_KAFKA__TRANSACTION_TIMEOUT_S": "1.5"}
    (tmp_path / "sitecustomize.py").write_text(HANGS.replace("CALL", call))
    switch = tmp_path / "switch"

    with run_consumer(
        tmp_path, settings | {"PYTHONPATH": str(tmp_path), "HANGS_WHEN_THERE_IS": str(switch)}
    ) as hanging:
        hanging.wait_until_ready()
        ends.send(upsert(f"sku-{number}") for number in range(EVENTS))
        ends.wait_for_outcomes(EVENTS, hanging)
        switch.touch()
        ends.send(upsert(f"sku-{number}", version=2) for number in range(EVENTS))
        wait_until(lambda: any("not turned" in reason for reason in hanging.obstacles()), RED_LIMIT_S, "a red light")
        assert hanging.ask("livez")[0] == 200
        assert hanging.process.wait(EXIT_LIMIT_S) == StaleGeneration.exit_code
        log = hanging.log_file.read_text()
        assert any(all(words in line for words in last_words) for line in log.splitlines()), log

    with run_consumer(tmp_path, settings) as restarted:
        ends.wait_for_outcomes(2 * EVENTS, restarted)
        assert restarted.stop() == 0

    published = ends.read(ends.topics.attributes)
    assert len(published) == len({last_value(record.headers, "hangtag.source") for record in published}) == 2 * EVENTS
    versions = [int(last_value(record.headers, "ce_productversion") or 0) for record in published]
    assert Counter(versions) == {1: EVENTS, 2: EVENTS}
