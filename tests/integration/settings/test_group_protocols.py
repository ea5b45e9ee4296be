# SPDX-License-Identifier: Apache-2.0
"""Ways of handing out partitions that `kafka.properties` may choose: one joins, another leaves, nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.engine import Echo, Feed, engine_settings, numbered, read_committed, running, source
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from structlog.typing import EventDict

    from consumer.settings import Settings, TopicSettings
    from tests.support.kafka import Kafka

pytestmark = pytest.mark.kafka

LIMIT_S = 60
EVENTS = 300

PROTOCOLS: dict[str, dict[str, str]] = {
    "range": {},
    "cooperative-sticky": {"partition.assignment.strategy": "cooperative-sticky"},
    "kip-848": {"group.protocol": "consumer"},
    "kip-848 with an assignor": {"group.protocol": "consumer", "group.remote.assignor": "range"},
}


def member(kafka: Kafka, topics: TopicSettings, slot: str, properties: dict[str, str]) -> Settings:
    own = {"slot": slot, "properties": properties}
    return engine_settings(kafka.bootstrap_servers, topics, topics.events, kafka=own)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_member_joins_and_another_leaves(kafka: Kafka, name: str) -> None:
    topics = kafka.create_topics(4)
    feed = Feed(kafka.bootstrap_servers, topics.events)
    first, second = (member(kafka, topics, slot, PROTOCOLS[name]) for slot in ("0", "1"))
    feed.write(numbered(EVENTS))

    with capture_logs() as logs, running(first, Echo(topics)) as stayed:
        stayed.wait_for(EVENTS)
        with running(second, Echo(topics)) as guest:
            wait_until(lambda: moved(logs), LIMIT_S, "partitions for both")
            feed.write(numbered(EVENTS))
            wait_until(lambda: stayed.published + guest.published >= 2 * EVENTS, LIMIT_S, "events of both")
        assert guest.published
        feed.write(numbered(EVENTS))
        wait_until(lambda: stayed.published + guest.published >= 3 * EVENTS, LIMIT_S, "events of the one that stayed")

    outputs = read_committed(kafka.bootstrap_servers, [topics.attributes])[topics.attributes]
    assert len({source(output) for output in outputs}) == len(outputs) == 3 * EVENTS


def moved(logs: list[EventDict]) -> bool:
    """Whether something was taken from a member, and given on."""
    events = [line["event"] for line in logs if line.get("partitions")]
    return "partitions_revoked" in events and events[-1] == "partitions_assigned"
