# SPDX-License-Identifier: Apache-2.0
"""What the log of a process says about its transactions."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from consumer.errors import Fenced, StaleGeneration
from consumer.kafka.faults import fatal_for
from tests.chaos.assessment import aborts_in


@pytest.mark.parametrize(
    ("line", "causes"),
    [
        (
            repr(
                fatal_for(KafkaError(KafkaError.UNKNOWN_MEMBER_ID, "Failed to commit offsets to transaction on broker"))
            ),
            ["UNKNOWN_MEMBER_ID"],
        ),
        (repr(fatal_for(KafkaError(KafkaError._FENCED, "Failed to end transaction: Local: fenced"))), ["_FENCED"]),
        (repr(StaleGeneration("could not abort after _TIMED_OUT (_STATE: Failed to end transaction: x)")), ["_STATE"]),
        (repr(StaleGeneration("the client has not come back from sending offsets for 15 s: x")), ["not come back"]),
        ('{"error": "_TIMED_OUT: Failed to add offsets", "event": "transaction_aborted"}', ["_TIMED_OUT"]),
        (repr(fatal_for(KafkaError(KafkaError.FENCED_INSTANCE_ID, "Broker: Static consumer fenced"))), []),
        (repr(StaleGeneration("no committed offsets (_TIMED_OUT: Local: Timed out)")), []),
        (repr(Fenced("another process took this slot (_FATAL: Local: Fatal error)")), []),
    ],
)
def test_only_ends_out_of_a_transaction_count_as_aborts(line: str, causes: list[str]) -> None:
    assert aborts_in(f"before\n{line}\n") == causes
