# SPDX-License-Identifier: Apache-2.0
"""Metadata of a cluster that has none of its brokers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from confluent_kafka import KafkaException

from consumer.errors import BrokerUnavailable
from consumer.kafka.broker import require_topics
from consumer.kafka.cluster import Cluster
from consumer.kafka.faults import is_outage, kafka_error
from consumer.settings import TopicSettings
from tests.unit.kafka.scripted import Script, ScriptedAdmin

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient


class Admins:
    """Opens the first, then the second."""

    def __init__(self) -> None:
        self.script = Script()
        self.opened = [ScriptedAdmin(self.script), ScriptedAdmin(self.script)]
        self.first, self.second = (cast("AdminClient", admin) for admin in self.opened)
        self._left = iter([self.first, self.second])
        self.opened[0].brokers = 0

    def __call__(self) -> AdminClient:
        return next(self._left)


def test_a_client_that_is_told_of_no_brokers_is_not_asked_again() -> None:
    admins = Admins()
    cluster = Cluster(admins)

    with pytest.raises(KafkaException) as caught:
        cluster.metadata()

    assert is_outage(kafka_error(caught.value))
    assert admins.script.calls == ["topics", "poll"]  # which waits: the next may be asked at once
    assert cluster.admin is admins.second
    assert cluster.metadata().brokers
    assert cluster.admin is admins.second


def test_a_cluster_without_brokers_is_not_there_yet_whatever_topics_it_names() -> None:
    admins = Admins()
    topics = TopicSettings()
    for admin in admins.opened:
        admin.partitions = dict.fromkeys(topics.model_dump().values(), 4)
    cluster = Cluster(admins)

    with pytest.raises(BrokerUnavailable):
        require_topics(cluster, topics)

    require_topics(cluster, topics)
