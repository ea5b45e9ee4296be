# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from consumer.errors import SettingsInvalid
from consumer.kafka.broker import CurrentLimits, Limits
from consumer.kafka.clients import (
    Reports,
    connect,
    connect_admin,
    consumer_properties,
    is_incremental,
    producer_properties,
)
from consumer.settings import CLASSIC_KAFKA_PROPERTIES, FIXED_KAFKA_PROPERTIES, Settings, load_settings


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
    given = {"queued.min.messages": "500", "linger.ms": "50", "sasl.username": "app"}

    assert consumer_properties(settings(kafka={"properties": given}))["queued.min.messages"] == "500"
    assert producer_properties(settings(kafka={"properties": given}), Limits())["linger.ms"] == "50"


@pytest.mark.parametrize("name", FIXED_KAFKA_PROPERTIES)
def test_a_fixed_property_is_refused_with_its_reason(name: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        settings(kafka={"properties": {name: "x"}})

    assert f"{name} is fixed: {FIXED_KAFKA_PROPERTIES[name]}" in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"partition.assignment.strategy": "cooperative-sticky"},
        {"group.protocol": "consumer"},
        {"group.protocol": "Consumer", "group.remote.assignor": "uniform"},
    ],
)
def test_the_client_takes_the_incremental_protocols(given: dict[str, str]) -> None:
    incremental = settings(kafka={"properties": given})

    connect(incremental, CurrentLimits(Limits), Reports(print, print)).consumer.close()
    assert is_incremental(incremental)
    assert not is_incremental(settings())


@pytest.mark.parametrize("name", ["session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"])
def test_with_the_consumer_protocol_the_brokers_settings_are_left_to_it(name: str) -> None:
    properties = consumer_properties(settings(kafka={"properties": {"group.protocol": "consumer"}}))

    assert name in consumer_properties(settings())
    assert name not in properties


@pytest.mark.parametrize("name", CLASSIC_KAFKA_PROPERTIES)
def test_a_property_of_the_classic_protocol_is_refused_beside_the_other(name: str) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        settings(kafka={"properties": {"group.protocol": "consumer", name: "x"}})

    assert settings(kafka={"properties": {name: "x"}}).kafka.properties == {name: "x"}


@pytest.mark.parametrize("given", [{"lingre.ms": "5"}, {"queued.min.messages": "many"}, {"error_cb": "print"}])
def test_what_the_client_refuses_is_a_fault_of_the_settings(given: dict[str, str]) -> None:
    (name,) = given

    with pytest.raises(SettingsInvalid, match=rf"kafka\.properties: .*{name}"):
        connect_admin(settings(kafka={"properties": given}))


def test_a_topic_that_takes_more_than_the_client_can_send_does_not_stop_it() -> None:
    limits = CurrentLimits(lambda: Limits(message_bytes={"a": 2**31 - 1}))

    assert connect(settings(), limits, Reports(print, print)).open_producer()


def test_a_rebalance_has_time_for_a_transaction_and_the_wait_for_commits() -> None:
    slow = settings(kafka={"transaction_timeout_s": 300})

    assert consumer_properties(slow)["max.poll.interval.ms"] > 1000 * (300 + slow.kafka.longest_silence_s)
    assert (settings().kafka.committed_wait_s, settings().kafka.longest_silence_s) == (60, 65)


@pytest.mark.parametrize(("transaction_timeout_s", "least_ms"), [(30, 65_001), (5.5, 40_501)])
def test_a_poll_interval_within_the_wait_for_commits_is_refused_with_the_reason(
    transaction_timeout_s: float, least_ms: int
) -> None:
    def given(milliseconds: object) -> Settings:
        properties = {"max.poll.interval.ms": str(milliseconds)}
        return settings(kafka={"transaction_timeout_s": transaction_timeout_s, "properties": properties})

    with pytest.raises(
        SettingsInvalid, match=rf"max\.poll\.interval\.ms must be above {least_ms - 1}: .* 35 s\).*lose them"
    ):
        given(least_ms - 1)
    with pytest.raises(SettingsInvalid, match="lose them"):
        given(f" {least_ms - 1} ")

    assert consumer_properties(given(least_ms))["max.poll.interval.ms"] == str(least_ms)


@pytest.mark.parametrize("written", ["+4000", "0xfa0", "010000", "4294977296", "\u0661\u0662", "soon", ""])
def test_a_poll_interval_that_the_client_may_read_otherwise_is_refused(written: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"max\.poll\.interval\.ms must be a plain number of milliseconds"):
        settings(kafka={"properties": {"max.poll.interval.ms": written}})


def test_heartbeats_fit_into_the_session() -> None:
    short = consumer_properties(settings(kafka={"session_timeout_s": 6}))

    assert (short["session.timeout.ms"], short["heartbeat.interval.ms"]) == (6_000, 500)
    assert consumer_properties(settings())["heartbeat.interval.ms"] == 3_000


def test_a_batch_of_small_records_fits_into_the_smallest_topic() -> None:
    properties = producer_properties(settings(), Limits(message_bytes={"a": 20_000, "b": 9 << 20}))

    assert properties["batch.size"] < 20_000
    assert properties["message.max.bytes"] == 9 << 20
