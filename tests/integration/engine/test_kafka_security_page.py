# SPDX-License-Identifier: Apache-2.0
"""docs/kafka-security.md, typed as an administrator would."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from consumer.kafka.broker import read_limits
from consumer.kafka.clients import connect_admin
from consumer.kafka.cluster import Cluster
from consumer.kafka.rehearsal import Proof, rehearsal
from consumer.kafka.topics import Layout, create_topics
from consumer.settings import KafkaSettings, TopicSettings, load_settings
from tests.support.engine import Echo, Feed, numbered, running
from tests.support.kafka import require_kafka
from tests.support.kafka_tools import write_tools
from tests.support.secured import secured_broker

if TYPE_CHECKING:
    from tests.support.secured import Secured

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

PAGE = Path(__file__).parents[3] / "docs" / "kafka-security.md"
EVENTS = 20
LIMIT_S = 30


def blocks(kind: str) -> str:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return "".join(text for name, text in found if name == kind)


def type_commands(secured: Secured, folder: Path) -> None:
    """As the administrator, who comes from inside."""
    tools = folder / "bin"
    tools.mkdir()
    write_tools(tools, folder)
    admin = f'KAFKA="--bootstrap-server {secured.inside.bootstrap_servers}"'
    script, count = re.subn(r"^KAFKA=.*$", admin, blocks(""), flags=re.MULTILINE)
    assert count == 1
    environment = {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PASSWORD": "from-the-page",
        "HANGTAG_SECRETS_DIR": str(folder / "secrets"),
    }
    shown = subprocess.run(
        ["bash", "-euc", script], env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr


def test_the_pages_commands_and_settings_let_it_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_kafka()
    (tmp_path / "secrets").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANGTAG_SECRETS_DIR", str(tmp_path / "secrets"))
    with secured_broker(tmp_path) as secured:
        inside = secured.inside.bootstrap_servers
        create_topics(KafkaSettings(bootstrap_servers=inside), TopicSettings(), Layout(1, 1))
        type_commands(secured, tmp_path)
        toml = blocks("toml").replace("kafka1.example.org:9093", secured.outside)
        (tmp_path / "hangtag.toml").write_text(toml.replace("/etc/hangtag/ca.pem", str(secured.ca_file)))
        settings = load_settings()
        Feed(inside, settings.topics.events).write(numbered(EVENTS))

        with capture_logs() as logs, running(settings, Echo(settings.topics)) as run:
            run.wait_for(EVENTS)
        limits = read_limits(Cluster(lambda: connect_admin(settings)), settings.topics)
        with rehearsal(settings, limits, LIMIT_S) as member:
            outcomes = [member.join(), member.transact(), member.store_offsets()]

    assert "broker_limit_unknown" not in {line["event"] for line in logs}
    assert [outcome.proof for outcome in outcomes] == [Proof.WORKS] * 3, outcomes
