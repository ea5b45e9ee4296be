# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.doctor.finding import Status
from consumer.doctor.topics import judge_topics
from consumer.kafka.inspection import Absent, TopicFacts, Untold
from tests.unit.doctor.healthy import CLUSTER, COMMANDS, DAY_MS, NAMES, TOPICS, with_config, with_topic

if TYPE_CHECKING:
    from consumer.doctor.finding import Finding
    from consumer.kafka.inspection import ClusterFacts


def judged(cluster: ClusterFacts) -> list[Finding]:
    return list(judge_topics(NAMES, cluster, COMMANDS))


def only_fault(cluster: ClusterFacts) -> Finding:
    (fault,) = (finding for finding in judged(cluster) if finding.status is not Status.OK)
    return fault


def set_config(topic: str, config: str) -> str:
    return (
        "kafka-configs.sh --bootstrap-server b:9092 --alter --entity-type topics "
        f"--entity-name {topic} --add-config {config}"
    )


def test_a_healthy_cluster_has_one_ok_for_each_check() -> None:
    findings = judged(CLUSTER)

    assert {finding.status for finding in findings} == {Status.OK}
    assert [finding.check for finding in findings] == [
        "topics",
        "topic_permissions",
        "topic_partitions",
        "topic_leaders",
        "topic_replication",
        "topic_max_message_bytes",
        "topic_delete_retention",
        "topic_cleanup_policy",
        "topic_min_insync",
    ]
    assert all(finding.advice is None for finding in findings)


def test_a_missing_topic_is_created_with_as_many_partitions_as_the_input() -> None:
    fault = only_fault(replace(CLUSTER, topics={**TOPICS, NAMES.dead_letters: Absent()}))

    assert (fault.check, fault.status) == ("topics", Status.FAILED)
    assert fault.advice == "hangtag topics create --partitions 6 --replication 3"


def test_without_any_topic_nothing_else_is_said() -> None:
    findings = judged(replace(CLUSTER, topics=dict.fromkeys(TOPICS, Absent())))

    assert [finding.check for finding in findings] == ["topics"] * 4


def test_a_topic_that_we_may_not_see_is_not_called_absent() -> None:
    fault = only_fault(
        replace(CLUSTER, topics={**TOPICS, NAMES.embeddings: Untold("not authorised", is_forbidden=True)})
    )

    assert fault.status is Status.FAILED
    assert "may not see product-embeddings (not authorised)" in fault.found
    assert fault.advice is not None
    assert "--operation WRITE --topic product-embeddings" in fault.advice


def test_a_right_that_we_lack_comes_with_the_command_that_grants_it() -> None:
    unread = only_fault(with_topic(NAMES.events, allowed=frozenset({"WRITE"})))
    unwritten = only_fault(with_topic(NAMES.dead_letters, allowed=frozenset({"READ"})))

    allow = "kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:NAME --operation"
    assert (unread.status, unread.advice) == (Status.FAILED, f"{allow} READ --topic product-events")
    assert (unwritten.status, unwritten.advice) == (Status.FAILED, f"{allow} WRITE --topic product-events-dlq")


def test_rights_that_a_broker_does_not_tell_are_not_assumed() -> None:
    assert only_fault(with_topic(NAMES.events, allowed=None)).status is Status.UNKNOWN


def test_too_few_partitions_fail_and_too_many_are_a_warning() -> None:
    few, many = (only_fault(with_topic(NAMES.attributes, partitions=count)) for count in (4, 8))

    assert (few.check, few.status) == ("topic_partitions", Status.FAILED)
    assert few.advice == "kafka-topics.sh --bootstrap-server b:9092 --alter --topic product-attributes --partitions 6"
    assert many.status is Status.WARNING


def test_partitions_without_a_leader_are_named() -> None:
    fault = only_fault(with_topic(NAMES.events, leaderless=(2, 5)))

    assert (fault.check, fault.status) == ("topic_leaders", Status.FAILED)
    assert "product-events without a leader: 2, 5" in fault.found


def test_one_copy_is_a_fault_only_where_there_are_more_brokers() -> None:
    single = {name: replace(facts, replication=1) for name, facts in TOPICS.items()}
    alone = replace(CLUSTER, brokers={1: CLUSTER.brokers[1]}, topics=single)

    fault = only_fault(with_topic(NAMES.events, replication=1))

    assert (fault.check, fault.status) == ("topic_replication", Status.FAILED)
    assert {finding.status for finding in judged(alone)} == {Status.OK}


@pytest.mark.parametrize(
    ("topic", "config", "value", "status", "mended"),
    [
        (NAMES.dead_letters, "max.message.bytes", str((8 << 20) + 65_535), "failed", str((8 << 20) + 65_536)),
        (NAMES.attributes, "max.message.bytes", "1048588", "warning", str(2 << 20)),
        (NAMES.embeddings, "delete.retention.ms", str(DAY_MS), "failed", str(30 * DAY_MS)),
        (NAMES.dead_letters, "retention.ms", "-1", "failed", str(30 * DAY_MS)),
        (NAMES.events, "cleanup.policy", "compact", "warning", "delete"),
        (NAMES.attributes, "cleanup.policy", "compact,delete", "failed", "compact"),
        (NAMES.dead_letters, "cleanup.policy", "compact", "failed", "delete"),
        (NAMES.events, "min.insync.replicas", "1", "failed", "2"),
        (NAMES.events, "min.insync.replicas", "3", "failed", "2"),
    ],
)
def test_a_wrong_configuration_comes_with_the_command_that_mends_it(
    topic: str, config: str, value: str, status: str, mended: str
) -> None:
    fault = only_fault(with_config(topic, config, value))

    assert fault.status == status
    assert topic in fault.found
    assert fault.advice == set_config(topic, f"{config}={mended}")
    assert {finding.status for finding in judged(with_config(topic, config, mended))} == {Status.OK}


def test_dead_letters_just_large_enough_pass() -> None:
    enough = with_config(NAMES.dead_letters, "max.message.bytes", str((8 << 20) + (64 << 10)))

    assert {finding.status for finding in judged(enough)} == {Status.OK}


def test_two_copies_cannot_have_both_and_get_a_warning() -> None:
    facts = TOPICS[NAMES.events]
    assert isinstance(facts.configs, dict)
    two = with_topic(NAMES.events, replication=2, configs={**facts.configs, "min.insync.replicas": "1"})

    fault = only_fault(two)
    assert fault.status is Status.WARNING
    assert "third copy" in str(fault.advice)  # more copies in sync would be the next finding


def test_a_topic_about_which_nobody_answers_is_unknown() -> None:
    assert only_fault(replace(CLUSTER, topics={**TOPICS, NAMES.events: Untold("timed out")})).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("configs", "reason", "is_allowed"),
    [
        (Untold("not authorised", is_forbidden=True), "not authorised", False),
        (Untold("timed out"), "timed out", True),
        ({}, "the broker does not tell", True),
    ],
)
def test_what_could_not_be_read_is_said_and_not_assumed(
    configs: Untold | dict[str, str], reason: str, *, is_allowed: bool
) -> None:
    findings = judged(with_topic(NAMES.attributes, configs=configs))

    unknown = [finding for finding in findings if finding.status is Status.UNKNOWN]
    assert [finding.check for finding in unknown] == [
        "topic_max_message_bytes",
        "topic_delete_retention",
        "topic_cleanup_policy",
        "topic_min_insync",
    ]
    assert all(reason in finding.found for finding in unknown)
    for finding in unknown:
        assert is_allowed or "DESCRIBECONFIGS --topic product-attributes" in (finding.advice or "")
        assert finding.advice is None or not is_allowed
    assert not [finding for finding in findings if finding.status is Status.FAILED]


def test_a_fault_is_told_although_another_topic_could_not_be_read() -> None:
    small = with_config(NAMES.dead_letters, "max.message.bytes", "1000")
    facts = TOPICS[NAMES.attributes]
    assert isinstance(facts, TopicFacts)
    hidden = replace(small, topics={**small.topics, NAMES.attributes: replace(facts, configs=Untold("no"))})

    statuses = {finding.status for finding in judged(hidden) if finding.check == "topic_max_message_bytes"}

    assert statuses == {Status.FAILED, Status.UNKNOWN}
