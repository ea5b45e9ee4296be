# SPDX-License-Identifier: Apache-2.0
"""What every registry must answer: confluent-kafka's `mock://`, our small HTTP host, and a real one by its URL.

Ids differ from registry to registry, so no absolute id is expected. Subjects are new in every run.
"""

from __future__ import annotations

import copy
import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.serde import SchemaId
from confluent_kafka.serialization import MessageField, SerializationContext

from consumer.errors import DeadLetterReason, Refused, Unprocessable
from consumer.registry.bundled import BundledCodec
from consumer.registry.client import Registry
from consumer.registry.compatibility import SchemaRejected
from consumer.registry.confluent import ConfluentCodec
from consumer.registry.files import Subject, schema_versions
from consumer.registry.records import product_event, record_fields
from consumer.registry.wire import id_prefix
from tests.schemas.examples import FULL_ATTRIBUTES, FULL_EVENT, SMALL_EVENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.registry import SchemaHost

OURS = schema_versions(Subject.PRODUCT_EVENTS)[-1]
HEADER = "__value_schema_id"

REAL = os.environ.get("HANGTAG_TEST_REGISTRY_URL")
#: `mock://` keeps no levels and takes any schema.
STRICT = [
    "http",
    pytest.param(
        "real",
        marks=pytest.mark.skipif(
            not REAL, reason="HANGTAG_TEST_REGISTRY_URL names no registry, and none installs from a package"
        ),
    ),
]


@pytest.fixture(params=["mock", *STRICT])
def client(request: pytest.FixtureRequest) -> Iterator[SchemaRegistryClient]:
    """One client for both sides of a test: `mock://` keeps its schemas in the client."""
    if request.param == "mock":
        url = "mock://contract"
    elif request.param == "http":
        host: SchemaHost = request.getfixturevalue("schema_host")
        url = host.url
    else:
        url = str(REAL)
    with SchemaRegistryClient.new_client({"url": url}) as opened:
        yield opened


@pytest.fixture
def registry(client: SchemaRegistryClient) -> Registry:
    return Registry(client, "the registry of the test")


@pytest.fixture
def subjects() -> dict[Subject, str]:
    run = uuid.uuid4().hex
    return {subject: f"{run}-{subject}" for subject in Subject}


@pytest.fixture
def registered(registry: Registry, subjects: dict[Subject, str]) -> dict[Subject, int]:
    return {subject: registry.register(name, schema_versions(subject)[-1]) for subject, name in subjects.items()}


def test_registering_twice_gives_the_same_id(
    registry: Registry, subjects: dict[Subject, str], registered: dict[Subject, int]
) -> None:
    name = subjects[Subject.PRODUCT_EVENTS]

    assert registry.register(name, OURS) == registered[Subject.PRODUCT_EVENTS]
    assert registry.schema_id(name, OURS) == registered[Subject.PRODUCT_EVENTS]


def test_a_schema_is_found_by_its_id(registry: Registry, registered: dict[Subject, int]) -> None:
    assert {subject: registry.schema(number) for subject, number in registered.items()} == {
        subject: schema_versions(subject)[-1] for subject in Subject
    }


def test_the_latest_version_of_a_subject_is_found(
    registry: Registry, subjects: dict[Subject, str], registered: dict[Subject, int]
) -> None:
    assert set(registered) == set(subjects)
    latest = registry.latest(subjects[Subject.PRODUCT_EVENTS])

    assert latest is not None
    assert (latest.version, latest.schema) == (1, OURS)


def test_what_is_not_there_is_none_and_no_outage(registry: Registry, subjects: dict[Subject, str]) -> None:
    name = subjects[Subject.PRODUCT_EVENTS]

    assert registry.schema(999_999_999) is None
    assert registry.schema(uuid.uuid4()) is None
    assert registry.schema_id(name, OURS) is None
    assert registry.latest(name) is None
    assert registry.level(name) is None


def test_records_come_back_in_the_prefix_form(
    registry: Registry, subjects: dict[Subject, str], registered: dict[Subject, int]
) -> None:
    codec = ConfluentCodec(registry, subjects)

    for subject, record in ((Subject.PRODUCT_EVENTS, FULL_EVENT), (Subject.PRODUCT_ATTRIBUTES, FULL_ATTRIBUTES)):
        value = codec.encode(subject, record_fields(record))
        decoded = codec.decode(value, ())

        assert value.startswith(id_prefix(registered[subject]))
        assert decoded.subject is subject
        assert decoded.fields == BundledCodec().decode(BundledCodec().encode(subject, record_fields(record)), ()).fields


def test_what_the_clients_own_serializer_writes_is_read(
    client: SchemaRegistryClient, registry: Registry, subjects: dict[Subject, str], registered: dict[Subject, int]
) -> None:
    assert registered
    context = SerializationContext("t", MessageField.VALUE, headers=[])
    settings: dict[str, Any] = {
        "auto.register.schemas": False,
        "subject.name.strategy": lambda *_: subjects[Subject.PRODUCT_EVENTS],
    }
    found = client.get_latest_version(subjects[Subject.PRODUCT_EVENTS])
    value = AvroSerializer(client, found.schema, conf=settings)(record_fields(FULL_EVENT), context)

    assert product_event(ConfluentCodec(registry, subjects).decode(value, ()).fields) == FULL_EVENT


def test_a_record_in_the_header_form_is_read(
    client: SchemaRegistryClient, registry: Registry, subjects: dict[Subject, str], registered: dict[Subject, int]
) -> None:
    found = client.register_schema_full_response(
        subjects[Subject.PRODUCT_EVENTS], Schema(_text(client, registered[Subject.PRODUCT_EVENTS]))
    )
    header = SchemaId("AVRO", guid=found.guid).guid_to_bytes()
    codec = ConfluentCodec(registry, subjects)
    record = codec.encode(Subject.PRODUCT_EVENTS, record_fields(SMALL_EVENT))[5:]

    assert product_event(codec.decode(record, ((HEADER, header),)).fields) == SMALL_EVENT


def test_an_unknown_id_or_guid_is_an_unknown_schema(registry: Registry, subjects: dict[Subject, str]) -> None:
    codec = ConfluentCodec(registry, subjects)

    for value, headers in (
        (id_prefix(999_999_999) + b"record", ()),
        (b"record", ((HEADER, b"\x01" + uuid.uuid4().bytes),)),
    ):
        with pytest.raises(Unprocessable) as refused:
            codec.decode(value, headers)
        assert refused.value.reason is DeadLetterReason.SCHEMA_UNKNOWN


def test_an_output_whose_schema_is_not_registered_says_how_to_register_it(
    registry: Registry, subjects: dict[Subject, str]
) -> None:
    with pytest.raises(Refused, match="hangtag schemas register"):
        ConfluentCodec(registry, subjects).encode(Subject.PRODUCT_EVENTS, record_fields(SMALL_EVENT))


@pytest.mark.parametrize("client", STRICT, indirect=True)
def test_a_version_that_breaks_the_level_is_rejected(
    registry: Registry, subjects: dict[Subject, str], registered: dict[Subject, int]
) -> None:
    assert registered
    changed = copy.deepcopy(OURS)
    changed["fields"].append({"name": "material", "type": "string"})

    with pytest.raises(SchemaRejected):
        registry.register(subjects[Subject.PRODUCT_EVENTS], changed)


@pytest.mark.parametrize("client", STRICT, indirect=True)
def test_a_level_is_set_and_found(registry: Registry, subjects: dict[Subject, str]) -> None:
    registry.set_level(subjects[Subject.PRODUCT_EVENTS], "FULL_TRANSITIVE")

    assert registry.level(subjects[Subject.PRODUCT_EVENTS]) == "FULL_TRANSITIVE"


def _text(client: SchemaRegistryClient, number: int) -> str:
    text = client.get_schema(number).schema_str
    assert text is not None
    return text
