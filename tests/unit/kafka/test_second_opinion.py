# SPDX-License-Identifier: Apache-2.0
"""A client that stays away from brokers that answer others."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from confluent_kafka import KafkaError

from consumer.errors import SettingsInvalid, StaleGeneration
from consumer.kafka.second_opinion import ASK_EVERY_S, SecondOpinion
from tests.unit.kafka.scripted import Script, ScriptedAdmin, error

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient


class Scene:
    def __init__(self) -> None:
        self.script = Script()
        self.now_s = 0.0
        self.asked_at_s: list[float] = []
        self.brokers = 2
        self.opinion = SecondOpinion(self._connect_admin, lambda: self.now_s)

    def _connect_admin(self) -> AdminClient:
        self.asked_at_s.append(self.now_s)
        self.script.play("connect")
        admin = ScriptedAdmin(self.script)
        admin.brokers = self.brokers
        return cast("AdminClient", admin)

    def pass_s(self, seconds: float, *, is_reachable: bool = False) -> None:
        """Once a second, as the loop does it."""
        for _ in range(round(seconds)):
            self.now_s += 1
            self.opinion.check(is_reachable=is_reachable)


def test_whoever_reaches_a_broker_needs_none() -> None:
    scene = Scene()

    scene.pass_s(10 * ASK_EVERY_S, is_reachable=True)

    assert scene.script.calls == []


@pytest.mark.parametrize(
    ("asked", "failure"),
    [
        ("connect", SettingsInvalid("ssl.ca.location is gone")),
        ("topics", error(KafkaError._TRANSPORT)),
        ("configs", error(KafkaError._TIMED_OUT)),
        ("configs", TimeoutError()),
    ],
)
def test_an_outage_for_all_is_waited_for(asked: str, failure: Exception) -> None:
    scene = Scene()
    scene.script.raises[asked] = [failure] * 20

    scene.pass_s(10 * ASK_EVERY_S)

    assert len(scene.asked_at_s) == 9


def test_a_cluster_that_names_no_brokers_is_no_answer() -> None:
    scene = Scene()
    scene.brokers = 0

    scene.pass_s(10 * ASK_EVERY_S)

    assert len(scene.asked_at_s) == 9


def test_a_client_alone_without_brokers_asks_for_a_fresh_start() -> None:
    scene = Scene()
    scene.pass_s(ASK_EVERY_S + 1)
    assert scene.script.calls == ["connect", "topics", "configs", "configs"]

    with pytest.raises(StaleGeneration, match="reached no broker"):
        scene.pass_s(ASK_EVERY_S)


def test_one_broker_that_refuses_to_tell_is_an_answer() -> None:
    scene = Scene()
    refused, silent = error(KafkaError.CLUSTER_AUTHORIZATION_FAILED), error(KafkaError._TIMED_OUT)
    scene.script.raises["configs"] = [silent, refused, refused, silent]

    with pytest.raises(StaleGeneration):
        scene.pass_s(2 * ASK_EVERY_S + 1)


def test_a_client_that_comes_back_a_little_later_goes_on_and_the_next_outage_is_a_new_one() -> None:
    scene = Scene()
    for _ in range(3):
        scene.pass_s(ASK_EVERY_S + 5)
        scene.pass_s(1, is_reachable=True)

    assert scene.asked_at_s == [begun_s + 1 + ASK_EVERY_S for begun_s in (0, 66, 132)]


def test_two_answers_with_an_outage_between_them_are_no_proof() -> None:
    scene = Scene()
    scene.pass_s(ASK_EVERY_S + 1)
    scene.script.raises["topics"] = [error(KafkaError._TRANSPORT)]

    scene.pass_s(2 * ASK_EVERY_S)

    assert len(scene.asked_at_s) == 3
