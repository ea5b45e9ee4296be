# SPDX-License-Identifier: Apache-2.0
"""Commands that mend a cluster, ready to be pasted. Kafka's own tools, as their distribution names them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from consumer.settings import KafkaSettings


#: To be filled in where the settings do not name us.
_SOMEBODY = "NAME"


@dataclass(frozen=True, slots=True)
class Commands:
    """For one cluster."""

    bootstrap_servers: str
    is_secured: bool = False
    """The tools then need a file with the way in, which we cannot write for them."""
    user: str = _SOMEBODY
    """Whom ACLs are about."""

    @classmethod
    def of(cls, kafka: KafkaSettings) -> Self:
        """For the cluster of the settings."""
        properties = kafka.properties
        user = properties.get("sasl.username", _SOMEBODY)
        return cls(kafka.bootstrap_servers, "security.protocol" in properties, user)

    def set_config(self, topic: str, name: str, value: str | int) -> str:
        """Set one configuration of a topic."""
        return self._tool(
            "kafka-configs.sh", "--alter", "--entity-type", "topics", "--entity-name", topic,
            "--add-config", f"{name}={value}",
        )  # fmt: skip

    def add_partitions(self, topic: str, partitions: int) -> str:
        """Let a topic have so many partitions."""
        return self._tool("kafka-topics.sh", "--alter", "--topic", topic, "--partitions", str(partitions))

    def show_leaderless(self, topic: str) -> str:
        """List the partitions without a leader, with the brokers that should lead them."""
        return self._tool("kafka-topics.sh", "--describe", "--topic", topic, "--unavailable-partitions")

    def allow(self, operation: str, *resource: str) -> str:
        """Let the worker's user do something."""
        right = ("--allow-principal", f"User:{self.user}", "--operation", operation)
        return self._tool("kafka-acls.sh", "--add", *right, *resource)

    def _tool(self, name: str, *arguments: str) -> str:
        login = ("--command-config", "client.properties") if self.is_secured else ()
        return shlex.join([name, "--bootstrap-server", self.bootstrap_servers, *login, *arguments])
