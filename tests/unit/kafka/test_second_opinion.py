# SPDX-License-Identifier: Apache-2.0
"""A client that stays away from brokers that answer others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import KafkaError

from consumer.errors import StaleGeneration
from consumer.kafka.second_opinion import ASK_EVERY_S, SecondOpinion
from tests.unit.kafka.scripted import Script, ScriptedAdmin, error

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient


class Scene:
    def __init__(self) -> None:
        self.script = Script()
        self.now_s = 1000.0
        self.opinion = SecondOpinion(self._connect_admin, lambda: self.now_s)

    def _connect_admin(self) -> AdminClient:
        self.script.play("connect")
        return ScriptedAdmin(self.script)  # type: ignore[return-value]

    def pass_s(self, seconds: float, *, is_reachable: bool = False) -> None:
        """Once a second, as the loop does it."""
        for _ in range(round(seconds)):
            self.now_s += 1
            self.opinion.check(is_reachable=is_reachable)


def test_whoever_reaches_a_broker_needs_none() -> None:
    scene = Scene()

    scene.pass_s(10 * ASK_EVERY_S, is_reachable=True)

    assert scene.script.calls == []


def test_an_outage_for_all_is_waited_for() -> None:
    scene = Scene()
    scene.script.raises["topics"] = [error(KafkaError._TRANSPORT) for _ in range(20)]

    scene.pass_s(10 * ASK_EVERY_S)

    assert scene.script.calls.count("connect") == 9


def test_a_client_alone_without_brokers_asks_for_a_fresh_start() -> None:
    scene = Scene()
    scene.pass_s(ASK_EVERY_S + 1)
    assert scene.script.calls == ["connect", "topics"]

    with pytest.raises(StaleGeneration, match="reached no broker"):
        scene.pass_s(ASK_EVERY_S)


def test_a_client_that_comes_back_a_little_later_goes_on() -> None:
    scene = Scene()
    for _ in range(5):
        scene.pass_s(ASK_EVERY_S + 5)
        scene.pass_s(1, is_reachable=True)

    assert scene.script.calls.count("connect") == 5


def test_two_answers_with_an_outage_between_them_are_no_proof() -> None:
    scene = Scene()
    scene.pass_s(ASK_EVERY_S + 1)
    scene.script.raises["topics"] = [error(KafkaError._TRANSPORT)]

    scene.pass_s(2 * ASK_EVERY_S)

    assert scene.script.calls.count("connect") == 3
