# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from consumer.errors import SettingsInvalid
from consumer.kafka.broker import Limits
from consumer.kafka.clients import committed_wait_s, consumer_properties, producer_properties
from consumer.settings import Settings, load_settings


def settings(**sections: Any) -> Settings:
    return load_settings(**sections)


def test_offsets_move_only_in_our_own_transaction() -> None:
    properties = consumer_properties(settings())

    assert properties["enable.auto.commit"] is False
    assert properties["isolation.level"] == "read_committed"
    assert properties["auto.offset.reset"] == "error"


def test_the_transactional_id_is_group_and_slot() -> None:
    properties = producer_properties(settings(kafka={"group_id": "tags", "slot": "3"}), Limits())

    assert properties["transactional.id"] == "tags-3"
    assert properties["transaction.timeout.ms"] == 30_000


def test_without_transactions_there_is_no_transactional_id() -> None:
    properties = producer_properties(settings(engine={"delivery": "at_least_once"}), Limits())

    assert "transactional.id" not in properties
    assert properties["enable.idempotence"] is True


def test_any_other_property_may_be_set() -> None:
    given = {"session.timeout.ms": "7000", "linger.ms": "50", "sasl.username": "app"}

    assert consumer_properties(settings(kafka={"properties": given}))["session.timeout.ms"] == "7000"
    assert producer_properties(settings(kafka={"properties": given}), Limits())["linger.ms"] == "50"


@pytest.mark.parametrize("name", ["isolation.level", "enable.auto.commit", "transactional.id", "group.id"])
def test_properties_that_the_guarantee_rests_on_are_refused(name: str) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        settings(kafka={"properties": {name: "x"}})


def test_a_rebalance_has_time_for_a_transaction_and_the_wait_for_commits() -> None:
    slow = settings(kafka={"transaction_timeout_s": 300})

    assert consumer_properties(slow)["max.poll.interval.ms"] > 1000 * (300 + committed_wait_s(slow))
    assert committed_wait_s(settings()) == 60


def test_heartbeats_fit_into_the_session() -> None:
    short = consumer_properties(settings(kafka={"session_timeout_s": 6}))

    assert (short["session.timeout.ms"], short["heartbeat.interval.ms"]) == (6_000, 500)
    assert consumer_properties(settings())["heartbeat.interval.ms"] == 3_000


def test_a_batch_of_small_records_fits_into_the_smallest_topic() -> None:
    properties = producer_properties(settings(), Limits(message_bytes={"a": 20_000, "b": 9 << 20}))

    assert properties["batch.size"] < 20_000
    assert properties["message.max.bytes"] == 9 << 20
