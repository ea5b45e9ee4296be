# SPDX-License-Identifier: Apache-2.0
"""Who we are and what we may: SASL_SSL, and the smallest list of ACLs that works."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import DeadLetterReason, Fatal, Refused
from consumer.events import Finished, OutputRecord, Rejected
from consumer.headers import SOURCE, source_of
from tests.support.engine import Event, Feed, engine_settings, numbered, read_committed, running, source
from tests.support.kafka import require_kafka
from tests.support.permissions import NEEDED, Permissions
from tests.support.secured import Secured, secured_broker
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.events import Delivery, Outcome
    from consumer.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LIMIT_S = 60
BAD = b"bad"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    require_kafka()
    with secured_broker(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


class Access:
    """Topics, a group and its ACLs, fresh for each test."""

    def __init__(self, secured: Secured) -> None:
        self.secured = secured
        self.topics = secured.inside.create_topics(1)
        self.group_id = f"group-{uuid.uuid4().hex[:8]}"
        self.permissions = Permissions(secured, self.topics, self.group_id)

    def settings(self, properties: dict[str, str] | None = None, **sections: dict[str, Any]) -> Settings:
        kafka = {"properties": properties or self.secured.properties(), **sections.pop("kafka", {})}
        return engine_settings(self.secured.outside, self.topics, self.group_id, kafka=kafka, **sections)

    def feed(self, events: list[Event]) -> None:
        Feed(self.secured.inside.bootstrap_servers, self.topics.events).write(events)

    def read(self, topic: str) -> list[bytes | None]:
        return [m.value() for m in read_committed(self.secured.inside.bootstrap_servers, [topic])[topic]]

    async def handle(self, delivery: Delivery) -> Outcome:
        """Writes to all outputs; what is bad goes to the dead letters."""
        if delivery.value == BAD:
            now = datetime.now(UTC)
            return Rejected(DeadLetterReason.FIELD_INVALID, "marked", "decode", None, 1, now, now)
        headers = ((SOURCE, source_of(delivery).encode()),)
        names = (self.topics.attributes, self.topics.embeddings)
        return Finished(tuple(OutputRecord(name, delivery.key, delivery.value, headers) for name in names))

    def failure(self, settings: Settings) -> Fatal:
        """What the loop ends with."""
        with pytest.raises(Fatal) as caught, running(settings, self.handle) as run:
            wait_until(lambda: run.failures, LIMIT_S, "the end")
        return caught.value


@pytest.fixture
def access(secured: Secured) -> Access:
    return Access(secured)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_these_permissions_are_enough(access: Access, mechanism: str) -> None:
    access.permissions.grant(*NEEDED)
    access.feed([*numbered(20), Event(b"k", BAD)])

    with running(access.settings(access.secured.properties(sasl_mechanism=mechanism)), access.handle) as run:
        run.wait_for(21)

    assert len(access.read(access.topics.attributes)) == len(access.read(access.topics.embeddings)) == 20
    assert access.read(access.topics.dead_letters) == [BAD]


def test_without_transactions_no_permission_on_transactional_ids_is_needed(access: Access) -> None:
    access.permissions.grant(*(words for words in NEEDED if not words.startswith("slots")))
    access.feed(numbered(20))

    with running(access.settings(engine={"delivery": "at_least_once"}), access.handle) as run:
        run.wait_for(20)

    assert len(access.read(access.topics.attributes)) == 20


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("events READ", "events-.*: READ on the input"),
        ("attributes WRITE", "attributes-.*WRITE on the outputs"),
        ("embeddings WRITE", "embeddings-.*WRITE on the outputs"),
        ("dead_letters WRITE", "dead-letters-.*WRITE on the outputs"),
        ("group READ", "the ACL of the group: READ"),
        ("slots WRITE", "the ACL of the transactional id"),
    ],
)
def test_each_of_the_permissions_is_needed_and_its_lack_is_told(access: Access, missing: str, words: str) -> None:
    access.permissions.grant(*(entry for entry in NEEDED if entry != missing))
    access.feed([*numbered(20), Event(b"k", BAD)])

    failure = access.failure(access.settings())

    assert isinstance(failure, Refused)
    assert re.search(words, str(failure))


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        ({"sasl_password": "another"}, "sasl.password"),
        ({"sasl_username": "nobody"}, "sasl.username"),
        ({"sasl_mechanism": "SCRAM-SHA-256"}, "sasl.mechanism"),
        ({"ssl_ca_location": "/etc/ssl/certs/ca-certificates.crt"}, "ssl.ca.location"),
    ],
)
def test_wrong_credentials_are_no_outage(access: Access, changed: dict[str, str], setting: str) -> None:
    access.permissions.grant(*NEEDED)

    failure = access.failure(access.settings(access.secured.properties(**changed)))

    assert isinstance(failure, Refused)
    assert setting in str(failure)


def test_a_permission_taken_away_at_work_stops_everything_and_skips_nothing(access: Access) -> None:
    access.permissions.grant(*NEEDED)
    access.feed(numbered(20))
    with running(access.settings(), access.handle) as run:
        run.wait_for(20)
        access.permissions.revoke("dead_letters WRITE")
        access.feed([Event(b"key-0", BAD), *numbered(100)])
        wait_until(lambda: run.failures, LIMIT_S, "the end")
        failure = run.failures.pop()

    assert isinstance(failure, Refused)
    assert "WRITE on the outputs" in str(failure)
    assert access.read(access.topics.dead_letters) == []

    access.permissions.grant("dead_letters WRITE")
    with running(access.settings(), access.handle) as run:
        run.wait_for(1)
        wait_until(lambda: len(access.read(access.topics.attributes)) == 120, LIMIT_S, "the rest")

    assert access.read(access.topics.dead_letters) == [BAD]
    found = read_committed(access.secured.inside.bootstrap_servers, [access.topics.attributes])
    assert len({source(m) for m in found[access.topics.attributes]}) == 120
