# SPDX-License-Identifier: Apache-2.0
"""A broker behind SASL_SSL that denies by default, with Kafka's session limits, short transactions, little metadata."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.kafka import Kafka, require_kafka
from tests.support.kafka_tools import kafka_tool
from tests.support.permissions import DOCTOR, NEEDED, Permissions
from tests.support.secured import USER, Secured, secured_broker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.settings import TopicSettings
    from tests.integration.doctor.conftest import Commands, Report

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LIMIT_S = 30
STRICT = {
    "group.min.session.timeout.ms": "6000",
    "transaction.max.timeout.ms": "10000",
    "offset.metadata.max.bytes": "1024",
}
LIMITS = {"session_timeout", "offset_metadata", "transaction_timeout", "transaction_sweep"}
CONFIGS = {"topic_max_message_bytes", "topic_delete_retention", "topic_cleanup_policy", "topic_min_insync"}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    require_kafka()
    with secured_broker(tmp_path_factory.mktemp("strict"), STRICT) as broker:
        yield broker


@dataclass
class Worker:
    """A worker's settings on that broker, and what it may do there."""

    secured: Secured
    commands: Commands
    topics: TopicSettings

    def __post_init__(self) -> None:
        self.permissions = Permissions(self.secured, self.topics, self.group_id)

    @property
    def group_id(self) -> str:
        return self.topics.events

    def examined(self, *, session_s: float = 6, transaction_s: float = 10) -> Report:
        self.commands.set(kafka__session_timeout_s=session_s, kafka__transaction_timeout_s=transaction_s)
        return self.commands.report("doctor")


@pytest.fixture
def worker(secured: Secured, commands: Commands) -> Iterator[Worker]:
    topics = secured.inside.create_topics(1)
    commands.use(Kafka(secured.outside, ""), topics)
    commands.set(kafka__properties=json.dumps(secured.properties()))
    worker = Worker(secured, commands, topics)
    yield worker
    worker.permissions.revoke_all()


def test_where_limits_may_not_be_read_trying_proves_them(worker: Worker) -> None:
    worker.permissions.grant(*NEEDED)
    worker.permissions.grant(DOCTOR)

    fitting, refused = worker.examined(), worker.examined(session_s=3, transaction_s=30)

    assert fitting.with_status("unknown") == LIMITS | CONFIGS
    assert {"topics", "topic_permissions", "join", "transaction"} <= fitting.with_status("ok")
    assert fitting.status("offsets") == "failed"  # a worker that may not read the limit assumes 4,096 bytes
    assert "offset.metadata.max.bytes" in fitting.of("offsets")["advice"]
    assert "INVALID_SESSION_TIMEOUT" in refused.of("join")["found"]
    assert "kafka.session_timeout_s" in refused.of("join")["advice"]
    assert "INVALID_TRANSACTION_TIMEOUT" in refused.of("transaction")["found"]
    assert "kafka.transaction_timeout_s" in refused.of("transaction")["advice"]
    assert {"join", "transaction"} <= refused.with_status("failed")


def test_throw_away_names_that_are_not_allowed_prove_nothing(worker: Worker) -> None:
    worker.permissions.grant(*NEEDED)

    report = worker.examined()

    assert report.status("join") == "unknown"
    assert f"--group {worker.group_id}-doctor- --resource-pattern-type prefixed" in report.of("join")["advice"]
    assert report.status("transaction") == "ok"  # the slots' prefix covers it


def test_a_group_that_only_throw_away_names_stand_for_is_told(worker: Worker) -> None:
    worker.permissions.grant(*(rule for rule in NEEDED if not rule.startswith("group ")))
    worker.permissions.grant(DOCTOR)

    report = worker.examined()

    assert report.status("join") == "ok"
    assert report.status("group_permissions") == "failed"
    assert f"--operation READ --group {worker.group_id}" in report.of("group_permissions")["advice"]


def test_an_input_that_may_only_be_written_is_told_twice(worker: Worker) -> None:
    worker.permissions.grant(DOCTOR)
    worker.permissions.grant("events WRITE")

    report = worker.examined()

    permissions = [finding for finding in report.findings if finding["check"] == "topic_permissions"]
    assert f"--operation READ --topic {worker.topics.events}" in permissions[0]["advice"]
    assert report.status("join") == "failed"
    assert "TOPIC_AUTHORIZATION_FAILED" in report.of("join")["found"]


def test_a_wrong_password_is_told_as_such(worker: Worker) -> None:
    worker.commands.set(kafka__properties=json.dumps(worker.secured.properties(sasl_password="no-secret")))

    finding = worker.commands.report("doctor", "--timeout", "5").of("broker")

    assert finding["status"] == "failed"
    assert "Kafka refuses us (_AUTHENTICATION" in finding["found"]
    assert "look at: sasl.mechanism, sasl.username and sasl.password" in finding["found"]
    assert "docs/kafka-security.md" in finding["advice"]
    assert "no-secret" not in finding["found"]


def test_the_advice_leads_from_nothing_allowed_to_everything_tried(worker: Worker) -> None:
    first = last = worker.examined()
    while advice := {finding["advice"] for finding in last.findings if "kafka-acls.sh" in (finding["advice"] or "")}:
        allow(worker.secured, advice)
        before, last = last, worker.examined()
        assert last.findings != before.findings
    refused = worker.examined(session_s=3, transaction_s=30)

    assert "topics" in first.with_status("failed")
    assert last.with_status("unknown") == set()
    assert last.with_status("failed") == {"triton"}
    assert last.with_status("warning") == {"offset_metadata"}
    assert "1,023 bytes" in last.of("offsets")["found"]
    assert {"session_timeout", "transaction_timeout", "join", "transaction"} <= refused.with_status("failed")


def allow(secured: Secured, advice: set[str]) -> None:
    """Run the commands as an administrator, who comes in by the other door; those that differ in the topic at once."""
    topics: dict[str, list[str]] = {}
    for command in sorted(advice):
        alike, _, topic = command.partition(" --topic ")
        topics.setdefault(alike, []).extend(["--topic", topic] if topic else [])
    for command, named in topics.items():
        tool, *arguments = shlex.split(command)
        assert f"User:{USER}" in arguments
        arguments.remove("--command-config")
        arguments.remove("client.properties")
        arguments[arguments.index("--bootstrap-server") + 1] = secured.inside.bootstrap_servers
        kafka_tool(secured.logs, tool, *arguments, *named)
