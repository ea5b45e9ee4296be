# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shlex

from consumer.doctor.commands import Commands
from consumer.settings import KafkaSettings


def test_a_secured_cluster_needs_a_file_with_the_way_in() -> None:
    secured = KafkaSettings(bootstrap_servers="b:1", properties={"security.protocol": "SASL_SSL"})

    assert "--command-config client.properties" in Commands.of(secured).show_leaderless("t")
    assert "--command-config" not in Commands.of(KafkaSettings(bootstrap_servers="b:1")).show_leaderless("t")


def test_the_user_of_the_settings_is_the_one_to_allow() -> None:
    ours = KafkaSettings(properties={"sasl.username": "app"})

    assert "User:app " in Commands.of(ours).allow("Read", "--group", "g")
    assert "User:NAME " in Commands.of(KafkaSettings()).allow("Read", "--group", "g")


def test_names_are_quoted_for_the_shell() -> None:
    command = Commands("b:1").add_partitions("a topic; rm", 3)

    assert shlex.split(command)[-3:] == ["a topic; rm", "--partitions", "3"]
