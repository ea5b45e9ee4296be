# SPDX-License-Identifier: Apache-2.0
"""A broker with Kafka's own session limits, short transactions, little metadata, and ACLs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from consumer.local.kafka import KafkaPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from tests.support.kafka import Kafka, require_kafka
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.doctor.conftest import Commands, Report

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LIMIT_S = 30
#: Everybody may do everything, but for what the first ACL of a resource leaves out.
PROPERTIES = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
    "group.min.session.timeout.ms": "6000",
    "transaction.max.timeout.ms": "10000",
    "offset.metadata.max.bytes": "1024",
}
UNREADABLE = {"session_timeout", "offset_metadata", "transaction_timeout", "transaction_sweep"}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    require_kafka()
    state = tmp_path_factory.mktemp("strict")
    with Starting(KafkaPart(state, print, PROPERTIES), PortBook(state / "ports.json")) as starting:
        yield Kafka.of(starting.wait())


class Acls:
    """Takes single rights away from everybody."""

    def __init__(self, kafka: Kafka) -> None:
        self._admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})

    def forbid(self, operation: AclOperation, kind: ResourceType, name: str, *, prefixed: bool = False) -> None:
        pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
        rules = [
            AclBinding(kind, name, pattern, "User:*", "*", what, answer)
            for what, answer in ((operation, AclPermissionType.DENY), (AclOperation.ALL, AclPermissionType.ALLOW))
        ]
        for done in self._admin.create_acls(rules).values():
            done.result(LIMIT_S)
        wait_until(lambda: set(rules) <= set(self._known()), LIMIT_S, "the rules")

    def lift(self) -> None:
        for done in self._admin.delete_acls([self._all()]).values():
            done.result(LIMIT_S)
        wait_until(lambda: not self._known(), LIMIT_S, "no rules")

    def _known(self) -> list[AclBinding]:
        return self._admin.describe_acls(self._all()).result(LIMIT_S)

    @staticmethod
    def _all() -> AclBindingFilter:
        anything = (ResourceType.ANY, None, ResourcePatternType.ANY, None, None)
        return AclBindingFilter(*anything, AclOperation.ANY, AclPermissionType.ANY)


@pytest.fixture
def acls(strict: Kafka) -> Iterator[Acls]:
    rules = Acls(strict)
    yield rules
    rules.lift()


def judged(commands: Commands, session_s: float, transaction_s: float) -> Report:
    commands.set(kafka__session_timeout_s=session_s, kafka__transaction_timeout_s=transaction_s)
    return commands.report("doctor")


def test_what_a_broker_refuses_is_read_and_proven(commands: Commands, strict: Kafka) -> None:
    commands.use(strict, strict.create_topics(1))

    report = judged(commands, session_s=3, transaction_s=30)

    assert report.exit_code == 1
    assert {"session_timeout", "transaction_timeout", "join", "transaction"} <= report.with_status("failed")
    assert "INVALID_TRANSACTION_TIMEOUT" in report.of("transaction")["found"]
    assert "kafka.transaction_timeout_s" in report.of("transaction")["advice"]
    assert report.status("offset_metadata") == "warning"


def test_where_limits_may_not_be_read_trying_proves_them(commands: Commands, strict: Kafka, acls: Acls) -> None:
    topics = strict.create_topics(1)
    commands.use(strict, topics)
    acls.forbid(AclOperation.DESCRIBE_CONFIGS, ResourceType.BROKER, "kafka-cluster")
    acls.forbid(AclOperation.DESCRIBE_CONFIGS, ResourceType.TOPIC, topics.dead_letters)

    fitting = judged(commands, session_s=6, transaction_s=10)
    short = judged(commands, session_s=3, transaction_s=10)

    assert fitting.with_status("unknown") >= UNREADABLE | {"topic_max_message_bytes", "topic_delete_retention"}
    assert fitting.with_status("ok") >= {"topics", "topic_partitions", "join", "transaction"}
    assert fitting.status("offsets") == "failed"  # 1,024 bytes, and a worker that may not read it assumes 4,096
    assert "offset.metadata.max.bytes" in fitting.of("offsets")["advice"]
    assert short.status("join") == "failed"


def test_throw_away_names_that_are_not_allowed_prove_nothing(commands: Commands, strict: Kafka, acls: Acls) -> None:
    settings = commands.use(strict, strict.create_topics(1))
    prefix = f"{settings.kafka.group_id}-doctor-"
    acls.forbid(AclOperation.READ, ResourceType.GROUP, prefix, prefixed=True)
    acls.forbid(AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, prefix, prefixed=True)

    report = judged(commands, session_s=6, transaction_s=10)

    assert {"join", "transaction", "offsets"} <= report.with_status("unknown")
    assert f"--group {prefix} --resource-pattern-type prefixed" in report.of("join")["advice"]
    assert f"--transactional-id {prefix} --resource-pattern-type prefixed" in report.of("transaction")["advice"]


def test_an_input_that_may_not_be_read_fails_the_join(commands: Commands, strict: Kafka, acls: Acls) -> None:
    topics = strict.create_topics(1)
    commands.use(strict, topics)
    acls.forbid(AclOperation.READ, ResourceType.TOPIC, topics.events)

    report = judged(commands, session_s=6, transaction_s=10)

    assert report.status("join") == "failed"
    assert "TOPIC_AUTHORIZATION_FAILED" in report.of("join")["found"]


def test_a_topic_that_may_not_be_seen_is_not_called_absent(commands: Commands, strict: Kafka, acls: Acls) -> None:
    topics = strict.create_topics(1)
    commands.use(strict, topics)
    acls.forbid(AclOperation.DESCRIBE, ResourceType.TOPIC, topics.embeddings)

    finding = commands.report("topics", "check").of("topics")

    assert finding["status"] == "failed"
    assert f"we may not see {topics.embeddings}" in finding["found"]
