# SPDX-License-Identifier: Apache-2.0
"""A broker that denies by default, behind SASL_SSL."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.support.kafka import Kafka, require_kafka
from tests.support.kafka_tools import kafka_tool
from tests.support.secured import USER, Secured, secured_broker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.doctor.conftest import Commands

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    require_kafka()
    with secured_broker(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


def test_the_advice_leads_from_nothing_allowed_to_everything_tried(commands: Commands, secured: Secured) -> None:
    topics = secured.inside.create_topics(1)
    commands.use(Kafka(secured.outside, ""), topics)
    commands.set(kafka__properties=json.dumps(secured.properties()))

    first = last = commands.report("doctor")
    while advice := {finding["advice"] for finding in last.findings if "kafka-acls.sh" in (finding["advice"] or "")}:
        allow(secured, advice)
        before, last = last, commands.report("doctor")
        assert last.findings != before.findings

    assert first.with_status("failed") >= {"topics"}
    assert last.with_status("failed") == {"triton"}
    assert last.with_status("unknown") == set()
    assert {"session_timeout", "topic_permissions", "join", "transaction", "offsets"} <= last.with_status("ok")


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
        kafka_tool(secured.logs, tool.removesuffix(".sh"), *arguments, *named)


def test_a_wrong_password_is_told_as_such(commands: Commands, secured: Secured) -> None:
    commands.set(
        kafka__bootstrap_servers=secured.outside,
        kafka__properties=json.dumps(secured.properties(sasl_password="wrong")),
    )

    finding = commands.report("doctor", "--timeout", "5").of("broker")

    assert finding["status"] == "failed"
    assert "_AUTHENTICATION" in finding["found"]
    assert "wrong" not in finding["found"]
