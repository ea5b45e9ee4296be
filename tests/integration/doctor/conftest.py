# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from consumer.cli import app
from tests.support.engine import engine_settings
from tests.support.kafka import fresh_names

if TYPE_CHECKING:
    from consumer.settings import Settings, TopicSettings
    from tests.support.kafka import Kafka


@dataclass(frozen=True)
class Report:
    """What a command found."""

    exit_code: int
    findings: list[dict[str, Any]]

    def of(self, check: str) -> dict[str, Any]:
        """The one finding of a check."""
        (finding,) = (finding for finding in self.findings if finding["check"] == check)
        return finding

    def status(self, check: str) -> str:
        status: str = self.of(check)["status"]
        return status

    def with_status(self, status: str) -> set[str]:
        """Checks with such a finding."""
        return {finding["check"] for finding in self.findings if finding["status"] == status}


@dataclass(frozen=True)
class Commands:
    """Commands, run in this process under the environment that the test builds."""

    monkeypatch: pytest.MonkeyPatch

    def set(self, **variables: object) -> None:
        """`kafka__slot="1"` sets HANGTAG_KAFKA__SLOT."""
        for name, value in variables.items():
            self.monkeypatch.setenv(f"HANGTAG_{name.upper()}", str(value))

    def use(self, kafka: Kafka, topics: TopicSettings) -> Settings:
        """Name a broker and topics; the settings of a worker there, in a group of the test's own."""
        names = {f"topics__{section}": name for section, name in topics.model_dump().items()}
        self.set(kafka__bootstrap_servers=kafka.bootstrap_servers, kafka__group_id=topics.events, **names)
        return engine_settings(kafka.bootstrap_servers, topics, topics.events)

    def report(self, *arguments: str) -> Report:
        result = CliRunner().invoke(app, [*arguments, "--output", "json"], catch_exceptions=False)
        return Report(result.exit_code, json.loads(result.stdout))


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    for name in [name for name in os.environ if name.startswith("HANGTAG_")]:
        monkeypatch.delenv(name)
    # Nobody listens there: a test that wants Triton says where it is.
    monkeypatch.setenv("HANGTAG_TRITON__GRPC", "127.0.0.1:1")
    return Commands(monkeypatch)


@pytest.fixture
def fresh_topics() -> TopicSettings:
    """Names that no other test uses, of topics that are not there."""
    return fresh_names()
