# SPDX-License-Identifier: Apache-2.0
"""`hangtag doctor` on the shared broker, whose shortest session is 500 ms."""

from __future__ import annotations

import json
import re
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from consumer.cli import app
from consumer.doctor.commands import Commands as KafkaCommands
from consumer.doctor.finding import Status
from consumer.doctor.trial import try_out
from consumer.errors import SettingsInvalid
from consumer.kafka.broker import Limits
from consumer.kafka.inspection import inspect
from consumer.kafka.rehearsal import Proof, rehearsal
from tests.support.engine import Echo, Feed, numbered, running
from tests.support.kafka_tools import kafka_tool

if TYPE_CHECKING:
    from tests.integration.doctor.conftest import Commands
    from tests.support.kafka import Kafka
    from tests.support.registry import SchemaHost
    from tests.support.triton import Triton

README = Path(__file__).parents[3] / "README.md"

#: Long before this, a worker with the same fault would sit there without a word.
TOLD_LIMIT_S = 30


def checks_in_the_readme() -> list[str]:
    """Those of the example in which all is well."""
    block = re.search(r"\$ hangtag doctor\n(.*?)```", README.read_text(), re.DOTALL)
    assert block is not None
    return re.findall(r"^(?:ok|warning) +(\w+)", block[1], re.MULTILINE)


@pytest.mark.kafka
@pytest.mark.triton
def test_where_everything_fits_it_exits_with_0(commands: Commands, kafka: Kafka, triton: Triton) -> None:
    commands.use(kafka, kafka.create_topics(2))
    commands.set(triton__grpc=triton.grpc, triton__read_key=triton.read_key, triton__bundle=triton.bundle)

    report = commands.report("doctor")

    assert {finding["status"] for finding in report.findings} == {"ok"}, report.findings
    assert report.exit_code == 0
    assert {"join", "transaction", "offsets", "triton", "topic_partitions"} <= report.with_status("ok")
    assert [finding["check"] for finding in report.findings] == checks_in_the_readme()  # no registry is set


@pytest.mark.kafka
def test_a_refused_join_is_told_with_the_setting_to_change(commands: Commands, kafka: Kafka) -> None:
    commands.use(kafka, kafka.create_topics(1))
    commands.set(kafka__session_timeout_s=0.3)
    began_s = time.monotonic()

    report = commands.report("doctor")

    assert time.monotonic() - began_s < TOLD_LIMIT_S
    assert report.exit_code == 1
    assert report.of("session_timeout")["status"] == "failed"
    assert report.of("session_timeout")["advice"].startswith("HANGTAG_KAFKA__SESSION_TIMEOUT_S=0.5, or change ")
    assert report.of("join")["status"] == "failed"
    assert "INVALID_SESSION_TIMEOUT" in report.of("join")["found"]
    assert "kafka.session_timeout_s" in report.of("join")["advice"]
    assert report.status("transaction") == "ok"
    assert report.status("offsets") == "unknown"


@pytest.mark.kafka
@pytest.mark.parametrize(
    "properties", [{"group.protocol": "consumer"}, {"partition.assignment.strategy": "cooperative-sticky"}]
)
def test_it_joins_by_the_protocol_of_the_settings(commands: Commands, kafka: Kafka, properties: dict[str, str]) -> None:
    commands.use(kafka, kafka.create_topics(1))
    commands.set(kafka__properties=json.dumps(properties))

    report = commands.report("doctor")

    assert {"session_timeout", "join", "transaction", "offsets"} <= report.with_status("ok"), report.findings


@pytest.mark.kafka
def test_a_worker_of_the_same_group_and_slot_does_not_notice(commands: Commands, kafka: Kafka) -> None:
    topics = kafka.create_topics(2)
    settings = commands.use(kafka, topics)
    feed = Feed(kafka.bootstrap_servers, topics.events)
    feed.write(numbered(20))

    with capture_logs() as logs, running(settings, Echo(topics)) as run:
        run.wait_for(20)
        report = commands.report("doctor")
        feed.write(numbered(20))
        run.wait_for(40)

    assert {"join", "transaction", "offsets"} <= report.with_status("ok"), report.findings
    assert [line["event"] for line in logs].count("partitions_assigned") == 1


@pytest.mark.kafka
def test_a_worker_without_transactions_is_not_asked_about_them(commands: Commands, kafka: Kafka) -> None:
    commands.use(kafka, kafka.create_topics(1))
    commands.set(engine__delivery="at_least_once")

    report = commands.report("doctor")

    assert report.status("join") == "ok"
    assert not {"transaction", "transaction_timeout"} & {finding["check"] for finding in report.findings}


@pytest.mark.kafka
def test_without_the_topics_it_says_how_to_make_them(commands: Commands, kafka: Kafka) -> None:
    commands.set(kafka__bootstrap_servers=kafka.bootstrap_servers, topics__events="no-such-topic")

    report = commands.report("doctor", "--timeout", "5")

    advice = {finding["advice"] for finding in report.findings if finding["check"] == "topics"}
    assert advice == {"hangtag topics create --partitions 6 --replication 1"}
    assert report.status("join") == "failed"


def test_without_a_broker_nothing_of_kafka_is_assumed(commands: Commands) -> None:
    commands.set(kafka__bootstrap_servers="127.0.0.1:1")

    report = commands.report("doctor", "--timeout", "1")

    assert report.exit_code == 1
    assert report.status("broker") == "failed"
    assert "Connection refused" in report.of("broker")["found"]
    assert report.status("kafka") == "unknown"
    assert report.status("triton") == "failed"


@pytest.mark.kafka
def test_however_often_it_runs_the_brokers_remember_one_transactional_id(
    commands: Commands, kafka: Kafka, tmp_path: Path
) -> None:
    topics = kafka.create_topics(1)
    commands.use(kafka, topics)

    for slot in ("0", "0", "1"):
        commands.set(kafka__slot=slot)
        assert commands.report("doctor").status("offsets") == "ok"

    listed = kafka_tool(tmp_path, "kafka-transactions.sh", "--bootstrap-server", kafka.bootstrap_servers, "list")
    assert [word for word in listed.split() if word.startswith(topics.events)] == [f"{topics.events}-doctor-rehearsal"]


@pytest.mark.kafka
def test_two_at_once_say_so_and_blame_no_setting(commands: Commands, kafka: Kafka) -> None:
    settings = commands.use(kafka, kafka.create_topics(1))
    findings = try_out(settings, inspect(settings, TOLD_LIMIT_S), KafkaCommands.of(settings.kafka), TOLD_LIMIT_S)

    assert [(finding.check, finding.status) for finding in islice(findings, 2)] == [
        ("join", Status.OK),
        ("transaction", Status.OK),
    ]
    with rehearsal(settings, Limits(), TOLD_LIMIT_S) as another:
        assert another.transact().proof is Proof.WORKS
    (disturbed,) = findings

    assert (disturbed.check, disturbed.status) == ("offsets", Status.UNKNOWN)
    assert "another doctor of this group took our transactional id, or the broker gave" in disturbed.found
    assert disturbed.advice == "run hangtag doctor again, one of a group at a time"


def test_the_brokers_other_tongue_is_named(commands: Commands, schema_host: SchemaHost) -> None:
    commands.set(
        kafka__bootstrap_servers=schema_host.url.removeprefix("http://"),
        kafka__properties='{"security.protocol": "SSL"}',
    )

    report = commands.report("doctor", "--timeout", "1")

    assert "SSL" in report.of("broker")["found"]


def test_a_registry_that_does_not_answer_is_waited_for_no_longer_than_asked(
    commands: Commands, schema_host: SchemaHost
) -> None:
    commands.set(
        kafka__bootstrap_servers="127.0.0.1:1", registry__url=schema_host.url, registry__timeout_s=10 * TOLD_LIMIT_S
    )
    schema_host.gate.clear()
    began_s = time.monotonic()

    finding = commands.report("doctor", "--timeout", "1").of("registry")

    assert time.monotonic() - began_s < TOLD_LIMIT_S
    assert finding["status"] == "failed"


def test_private_images_are_a_warning(commands: Commands) -> None:
    commands.set(kafka__bootstrap_servers="127.0.0.1:1", images__allow_private='["127.0.0.1/32:8123"]')

    finding = commands.report("doctor", "--timeout", "1").of("private_images")

    assert finding["status"] == "warning"
    assert "127.0.0.1/32:8123" in finding["found"]


def test_the_folder_in_which_settings_were_looked_for_is_named(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    commands.set(kafka__bootstrap_servers="127.0.0.1:1")

    finding = commands.report("doctor", "--timeout", "1").of("settings")

    assert finding["found"].endswith(f"; no hangtag.toml in {tmp_path}")


def test_a_registry_without_our_schemas_is_told(commands: Commands, schema_host: SchemaHost) -> None:
    commands.set(kafka__bootstrap_servers="127.0.0.1:1", registry__url=schema_host.url)

    before = commands.report("doctor", "--timeout", "1")
    assert CliRunner().invoke(app, ["schemas", "register"]).exit_code == 0
    after = commands.report("doctor", "--timeout", "1")

    assert "registry" in before.with_status("failed")
    assert after.status("registry") == "ok"


@pytest.mark.parametrize("properties", ['{"acks": "1"}', '{"lingre.ms": "5"}', '{"isolation.level": "x"}'])
def test_wrong_settings_end_it_before_it_asks_anybody(commands: Commands, properties: str) -> None:
    commands.set(kafka__properties=properties)

    result = CliRunner().invoke(app, ["doctor", "--output", "json"])

    assert isinstance(result.exception, SettingsInvalid)
    assert result.exception.exit_code == 2
    assert result.stdout == ""
