# SPDX-License-Identifier: Apache-2.0
"""Kafka's own command-line tools, as an operator has them."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

from consumer.local.jars import java, kafka_jars

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_S = 60
CLASSES = {
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-metadata-quorum.sh": "org.apache.kafka.tools.MetadataQuorumCommand",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions.sh": "org.apache.kafka.tools.TransactionsCommand",
}


def kafka_tool(logs: Path, name: str, *arguments: str) -> str:
    """What the tool prints. Raises CalledProcessError when it fails."""
    shown = subprocess.run(
        [*_command(logs, name), *arguments], capture_output=True, text=True, check=True, timeout=LIMIT_S
    )
    return shown.stdout


def write_tools(folder: Path, logs: Path) -> None:
    """The tools as commands in `folder`, to be put in front of PATH."""
    for name in CLASSES:
        command = folder / name
        command.write_text(f'#!/bin/sh\nexec {shlex.join(_command(logs, name))} "$@"\n')
        command.chmod(0o755)


def _command(logs: Path, name: str) -> list[str]:
    return [java(), "-XX:TieredStopAtLevel=1", "-cp", f"{kafka_jars(logs, print)}/*", CLASSES[name]]
