# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
from confluent_kafka import KafkaError
from structlog.testing import capture_logs

from consumer.errors import Fenced, HangtagError, Refused, StaleGeneration
from consumer.kafka.faults import Notice
from consumer.kafka.vitals import Vitals
from consumer.kafka.watch import GroupWatch
from consumer.observability.metrics import Metrics
from tests.support.clock import Clock


class Scene:
    def __init__(self) -> None:
        self.clock = Clock()
        self.metrics = Metrics()
        self.vitals = Vitals(60, self.clock)
        self.vitals.obstacle("start", None)
        self.watch = GroupWatch(self.vitals, self.metrics, self.clock)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    ("code", "notice"),
    [
        (KafkaError._PARTITION_EOF, Notice.NOTHING),
        (KafkaError._TRANSPORT, Notice.OUTAGE),
        (KafkaError._ALL_BROKERS_DOWN, Notice.OUTAGE),
        (KafkaError._MAX_POLL_EXCEEDED, Notice.POLLED_TOO_RARELY),
        (KafkaError._AUTO_OFFSET_RESET, Notice.INPUT_LOST),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, Notice.TOPIC_MISSING),
        (KafkaError._BAD_MSG, Notice.UNKNOWN),
    ],
)
def test_an_error_among_the_messages_is_told_apart_by_its_code(scene: Scene, code: int, notice: Notice) -> None:
    assert scene.watch.heed(KafkaError(code)) is notice


@pytest.mark.parametrize(
    ("code", "answer", "advice"),
    [
        (KafkaError.INVALID_SESSION_TIMEOUT, Refused, "kafka.session_timeout_s"),
        (KafkaError.INVALID_GROUP_ID, Refused, "kafka.group_id"),
        (KafkaError.INCONSISTENT_GROUP_PROTOCOL, Refused, "partition.assignment.strategy"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Refused, "READ on the input"),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, Refused, "group"),
        (KafkaError._FATAL, Fenced, "slot"),
        (KafkaError.FENCED_INSTANCE_ID, StaleGeneration, "moved on"),
    ],
)
def test_an_error_that_ends_the_process_names_what_to_look_at(
    scene: Scene, code: int, answer: type[HangtagError], advice: str
) -> None:
    with pytest.raises(answer, match=advice):
        scene.watch.heed(KafkaError(code))


def test_a_missing_topic_is_waited_for_and_then_refused(scene: Scene) -> None:
    missing = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
    scene.watch.heed(missing)
    assert "missing" in scene.vitals.not_ready()[0]

    scene.clock.now_s += 61
    scene.vitals.turned()

    with pytest.raises(Refused, match="hangtag topics create"):
        scene.watch.heed(missing)


def test_an_assignment_makes_ready_and_a_loss_unready(scene: Scene) -> None:
    scene.watch.unassigned()
    assert scene.vitals.not_ready() == ["the group has not assigned partitions yet"]

    scene.watch.assigned()

    assert scene.vitals.not_ready() == []


def test_an_assignment_that_stays_away_sounds_the_alarm_with_the_last_error(scene: Scene) -> None:
    scene.watch.unassigned()
    scene.watch.heed(KafkaError(KafkaError._TRANSPORT))
    scene.watch.statistics(json.dumps({"brokers": {}, "topics": {}, "cgrp": {"join_state": "init"}}))
    scene.clock.now_s += 31

    with capture_logs() as logs:
        scene.watch.check()
        scene.watch.check()

    (line,) = logs
    assert (line["event"], line["seconds"], line["join_state"]) == ("assignment_missing", 31, "init")
    assert "_TRANSPORT" in line["last_error"]
    assert scene.metrics.registry.get_sample_value("hangtag_assignment_missing_seconds") == 31


def test_a_standby_without_partitions_is_healthy(scene: Scene) -> None:
    scene.watch.unassigned()
    scene.watch.assigned()
    scene.clock.now_s += 100

    with capture_logs() as logs:
        scene.watch.check()

    assert logs == []


def test_a_partition_that_stands_still_makes_unready_until_it_is_somebody_elses(scene: Scene) -> None:
    scene.watch.reachable()
    scene.watch.assigned()
    scene.watch.lost_input(3, "records were deleted")
    assert scene.vitals.not_ready() == ["records were deleted"]

    scene.watch.gave_up([3])

    assert scene.vitals.not_ready() == []


def test_no_broker_makes_unready_until_one_answers(scene: Scene) -> None:
    scene.watch.client_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    assert scene.vitals.not_ready() == ["no Kafka broker answers"]
    assert not scene.watch.is_reachable

    brokers = {"a": {"state": "UP"}, "b": {"state": "DOWN"}}
    scene.watch.statistics(json.dumps({"brokers": brokers, "topics": {}}))

    assert scene.vitals.not_ready() == []
    assert scene.watch.is_reachable
    assert [scene.watch.take_outage() for _ in range(2)] == [True, False]


def test_brokers_that_are_down_for_seconds_are_gone_though_librdkafka_does_not_say_so(scene: Scene) -> None:
    def report(state: str) -> None:
        scene.watch.statistics(json.dumps({"brokers": {"a": {"state": state}}, "topics": {}}))

    for state in ("UP", "CONNECT", "UP", "DOWN", "DOWN"):  # a moment without any is nothing
        report(state)
        scene.clock.now_s += 1.5
    assert scene.watch.is_reachable

    with capture_logs() as logs:
        report("DOWN")
        assert scene.vitals.not_ready() == ["no Kafka broker answers"]
        report("DOWN")
    assert [(line["event"], line["seconds"]) for line in logs] == [("kafka_unreachable", 3)]
    assert [scene.watch.take_outage() for _ in range(2)] == [True, False]

    report("UP")
    assert scene.vitals.not_ready() == []


def test_a_first_connection_that_takes_its_time_is_no_outage(scene: Scene) -> None:
    scene.watch.reachable()  # for another client, which looks for topics
    for state in ("INIT", "CONNECT", "AUTH_REQ"):
        scene.watch.statistics(json.dumps({"brokers": {"a": {"state": state}}, "topics": {}}))
        scene.clock.now_s += 5

    assert scene.watch.is_reachable
    assert not scene.watch.take_outage()


@pytest.mark.parametrize(
    ("code", "setting"), [(KafkaError._AUTHENTICATION, "sasl.password"), (KafkaError._SSL, "ssl.ca.location")]
)
def test_credentials_that_no_broker_takes_end_the_process(scene: Scene, code: int, setting: str) -> None:
    scene.watch.client_error(KafkaError(code))
    scene.watch.client_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))

    with pytest.raises(Refused, match=setting):
        scene.watch.check()


def test_one_broker_that_refuses_us_while_another_answers_ends_nothing(scene: Scene) -> None:
    scene.watch.client_error(KafkaError(KafkaError._AUTHENTICATION))
    scene.watch.check()

    scene.watch.reachable()
    scene.watch.client_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))

    scene.watch.check()


def test_the_same_error_is_logged_once_in_a_while(scene: Scene) -> None:
    with capture_logs() as logs:
        for _ in range(100):
            scene.watch.client_error(KafkaError(KafkaError._TRANSPORT))
        scene.clock.now_s += 6
        scene.watch.client_error(KafkaError(KafkaError._TRANSPORT))

    assert len(logs) == 2


def test_end_offsets_come_from_the_statistics(scene: Scene) -> None:
    partitions = {"0": {"ls_offset": 42}, "1": {"ls_offset": -1001}, "-1": {"ls_offset": -1001}}
    scene.watch.statistics(json.dumps({"brokers": {}, "topics": {"events": {"partitions": partitions}}}))

    assert scene.watch.end_offsets == {0: 42}


def test_a_thread_that_does_not_turn_is_first_unready_and_then_dead(scene: Scene) -> None:
    scene.vitals.turned()
    assert scene.vitals.not_ready() == scene.vitals.not_alive() == []

    scene.clock.now_s += 11
    assert scene.vitals.not_ready() == ["the owner thread has not turned for 11 s"]
    assert scene.vitals.not_alive() == []
    scene.clock.now_s += 50

    assert scene.vitals.not_alive() == ["the owner thread has not turned for 61 s"]
