# SPDX-License-Identifier: Apache-2.0
"""Apache Kafka on this machine: one node, KRaft, transactions, a second or two to the first answer."""

from __future__ import annotations

import base64
import re
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.errors import Refused
from consumer.local.jars import java, kafka_jars
from consumer.local.process import Launch, last_words, spawn
from consumer.local.state import rotate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from consumer.local.process import Kept

FORMAT_LIMIT_S = 60.0
PROBE_LIMIT_S = 1.0
MOCK_VERSION = "mock "

# Relative to the broker's working directory: a comma or a space in the state folder's name would be misread.
DATA, PROPERTIES, LOGGING = "data", "server.properties", "log4j2.xml"

# Replication 1: with the defaults, groups, transactions and share groups never become available on one node.
# One partition and no rebalance delay: a fast first join and first transaction.
# Session minima: else the broker refuses the short sessions of crash tests, silently.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={log_dirs}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=200
group.consumer.heartbeat.interval.ms=500
auto.create.topics.enable=false
"""

# Without a configuration the broker logs nothing, and a failed start could not explain itself.
_LOGGING = """\
<Configuration status="WARN">
  <Appenders>
    <Console name="console"><PatternLayout pattern="%d %p %m (%c{1})%n"/></Console>
  </Appenders>
  <Loggers>
    <Root level="INFO"><AppenderRef ref="console"/></Root>
  </Loggers>
</Configuration>
"""


@dataclass(frozen=True, slots=True)
class KafkaStatus:
    """A broker that answers. `version` is the broker's own word for itself."""

    bootstrap_servers: str
    version: str
    pid: int

    @property
    def is_mock(self) -> bool:
        """Whether it is librdkafka's mock cluster, which proves nothing about transactions."""
        return self.version.startswith(MOCK_VERSION)


def new_uuid() -> str:
    """A cluster or directory id as Kafka writes it, in a form that its tool does not take for an option."""
    return "h" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]


def alone() -> tuple[str, ...]:
    """How the folder of a cluster of one is formatted."""
    return "--standalone", "--cluster-id", new_uuid()


class KafkaPart:
    """Starts a broker whose files are in `state`; `properties` are added to the broker's own, and win.

    `format_options` are those of Kafka's storage tool; default: `alone()`. Raises Refused without Java.
    """

    name = "kafka"
    port_count = 2
    start_limit_s = 60.0

    def __init__(
        self,
        state: Path,
        progress: Callable[[str], None],
        properties: dict[str, str] | None = None,
        format_options: Sequence[str] = (),
    ) -> None:
        self._folder = state / "kafka"
        self._logs = state / "logs"
        self._log = self._logs / "kafka.log"
        self._progress = progress
        self._properties = properties or {}
        self._format_options = format_options or alone()
        self._java = java()

    def launch(self, ports: list[int], token: str) -> Launch:
        """Format the folder if it is new; the command that starts the broker."""
        del token
        self._jars = kafka_jars(self._logs, self._progress)
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / LOGGING).write_text(_LOGGING)
        if not (self._folder / DATA).exists():
            self._format(ports)
        self._write_properties(ports, DATA)
        rotate(self._log)
        # Small and fast to start; 1 GiB because less runs out of memory under transactions (KAFKA-19890).
        flags = ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return Launch(self._command(*flags, main="kafka.Kafka", arguments=[PROPERTIES]), self._folder, self._log)

    def probe(self, ports: list[int], kept: Kept) -> KafkaStatus | None:
        """Metadata of the cluster that we formatted, or nothing."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        bootstrap_servers = f"127.0.0.1:{ports[0]}"
        # log_level 0: librdkafka prints each refused connection otherwise.
        client = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        try:
            metadata = client.list_topics(timeout=PROBE_LIMIT_S)
        except KafkaException:
            return None
        version = _find(r"Kafka version: (\S+)", self._log.read_text(errors="replace"))
        if version is None or metadata.cluster_id != self._cluster_id():
            return None  # not up to the end yet; or a stranger's broker
        return KafkaStatus(bootstrap_servers, version, kept.server.pid)

    def _format(self, ports: list[int]) -> None:
        """Format beside the real folder and rename, so that an interrupted format is no folder at all."""
        partial = self._folder / f"{DATA}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self._write_properties(ports, partial.name)
        arguments = ["format", *self._format_options, "--config", PROPERTIES]
        command = self._command("-XX:TieredStopAtLevel=1", main="kafka.tools.StorageTool", arguments=arguments)
        log = self._logs / "kafka-format.log"
        rotate(log)
        if spawn(Launch(command, self._folder, log)).wait(FORMAT_LIMIT_S) != 0:
            raise Refused(f"Kafka could not format its folder; the log {log} says:\n{last_words(log)}")
        partial.rename(self._folder / DATA)

    def _command(self, *flags: str, main: str, arguments: list[str]) -> list[str]:
        return [self._java, *flags, f"-Dlog4j2.configurationFile={LOGGING}", "-cp", f"{self._jars}/*", main, *arguments]

    def _write_properties(self, ports: list[int], log_dirs: str) -> None:
        text = _PROPERTIES.format(broker=ports[0], controller=ports[1], log_dirs=log_dirs)
        text += "".join(f"{name}={value}\n" for name, value in self._properties.items())
        (self._folder / PROPERTIES).write_text(text)

    def _cluster_id(self) -> str | None:
        return _find(r"cluster\.id=(\S+)", (self._folder / DATA / "meta.properties").read_text())


def _find(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text)
    return found[1] if found else None
