# SPDX-License-Identifier: Apache-2.0
"""`hangtag run` with a schema registry: real Kafka, real Triton, the registry's REST from a small host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.events import EventType
from consumer.registry.bundled import BundledCodec
from consumer.registry.client import Registry
from consumer.registry.confluent import ConfluentCodec
from consumer.registry.files import Subject, schema_versions
from consumer.registry.opening import subject_names
from consumer.registry.records import record_fields
from consumer.registry.wire import id_prefix
from consumer.settings import RegistrySettings
from tests.schemas.examples import SMALL_EVENT
from tests.support.consumer import run_consumer, settings_between
from tests.support.flow import Ends, InputRecord
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.kafka import Kafka
    from tests.support.registry import SchemaHost
    from tests.support.triton import Triton

pytestmark = [pytest.mark.kafka, pytest.mark.triton, pytest.mark.timeout(240)]

OURS = schema_versions(Subject.PRODUCT_EVENTS)[-1]
EVENT = replace(SMALL_EVENT, event_type=EventType.UPSERT, title="Blue cotton shirt")
SINGLE_OBJECT = BundledCodec().encode(Subject.PRODUCT_EVENTS, record_fields(EVENT))
KEY, RECORD = EVENT.key.encode(), SINGLE_OBJECT[10:]


@pytest.fixture
def ends(kafka: Kafka) -> Ends:
    return Ends(kafka.bootstrap_servers, kafka.create_topics(partitions=1))


@pytest.fixture
def settings(ends: Ends, triton: Triton, schema_host: SchemaHost) -> dict[str, str]:
    return settings_between(ends, triton) | {"HANGTAG_REGISTRY__URL": schema_host.url}


def hangtag(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "consumer", *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_both_wire_forms_go_in_and_the_prefix_form_comes_out(
    tmp_path: Path, ends: Ends, settings: dict[str, str], schema_host: SchemaHost
) -> None:
    assert hangtag(settings, "schemas", "register").returncode == 0
    foreign = schema_host.add(OURS | {"namespace": "com.vendor"})
    header = (("__value_schema_id", b"\x01" + schema_host.guid(foreign).bytes),)
    records = [
        InputRecord(KEY, id_prefix(1) + RECORD, None),
        InputRecord(KEY, RECORD, None, headers=header),
        InputRecord(KEY, SINGLE_OBJECT, None),
        InputRecord(KEY, id_prefix(999) + RECORD, None),
    ]

    with run_consumer(tmp_path, settings) as consumer:
        consumer.wait_until_ready()
        ends.send(records)
        ends.wait_for_outcomes(4, consumer)
        assert consumer.stop() == 0

    published = ends.read(ends.topics.attributes)
    with Registry.open(RegistrySettings(url=schema_host.url)) as registry:
        codec = ConfluentCodec(registry, subject_names(ends.topics))
        decoded = [codec.decode(record.value or b"", record.headers) for record in published]
    assert [record.fields["source"]["offset"] for record in decoded] == [0, 1, 2]
    assert all(record.value and record.value.startswith(id_prefix(2)) for record in published)
    assert [letter.offset for letter in ends.dead_letters()["schema_unknown"]] == [0]

    tail = hangtag(settings, "events", "tail", "--topic", ends.topics.attributes, "--output", "json")
    assert [json.loads(line)["value"]["source"]["offset"] for line in tail.stdout.splitlines()] == [0, 1, 2]


def test_an_outage_of_the_registry_is_waited_for(
    tmp_path: Path, ends: Ends, settings: dict[str, str], schema_host: SchemaHost
) -> None:
    assert hangtag(settings, "schemas", "register").returncode == 0
    schema_host.always = (503, "no upstream")

    with run_consumer(tmp_path, settings) as consumer:
        wait_until(lambda: consumer.events("waiting_for_registry"), 30, "the word that it waits")
        assert any("registry" in reason for reason in consumer.obstacles()), consumer.obstacles()
        schema_host.always = None
        consumer.wait_until_ready()

        schema_host.always = (503, "no upstream")
        ends.send([InputRecord(KEY, id_prefix(1) + RECORD, None)])
        wait_until(lambda: any("registry" in reason for reason in consumer.obstacles()), 30, "the second outage")
        schema_host.always = None
        ends.wait_for_outcomes(1, consumer)
        consumer.wait_until_ready()
        assert consumer.stop() == 0

    assert len(ends.read(ends.topics.attributes)) == 1
    assert ends.dead_letters() == {}


def test_a_stop_in_the_middle_of_an_outage_is_obeyed_and_loses_nothing(
    tmp_path: Path, ends: Ends, settings: dict[str, str], schema_host: SchemaHost
) -> None:
    assert hangtag(settings, "schemas", "register").returncode == 0
    with run_consumer(tmp_path, {**settings, "HANGTAG_ENGINE__DRAIN_S": "0.5"}) as consumer:
        consumer.wait_until_ready()
        schema_host.always = (503, "no upstream")
        ends.send([InputRecord(KEY, id_prefix(1) + RECORD, None)])
        wait_until(lambda: any("registry" in reason for reason in consumer.obstacles()), 30, "the outage")
        assert consumer.stop() == 0

    schema_host.always = None
    with run_consumer(tmp_path, settings) as consumer:
        ends.wait_for_outcomes(1, consumer)
        assert consumer.stop() == 0

    assert len(ends.read(ends.topics.attributes)) == 1


def test_outputs_that_nobody_registered_end_the_start_with_11(settings: dict[str, str]) -> None:
    ended = hangtag({**settings, "HANGTAG_HEALTH__PORT": "0"}, "run")

    assert ended.returncode == 11
    assert "hangtag schemas register" in ended.stderr


def test_a_registry_that_wants_a_password_ends_the_start_with_11(
    settings: dict[str, str], schema_host: SchemaHost
) -> None:
    schema_host.always = (401, {"error_code": 40101, "message": "Unauthorized"})

    ended = hangtag({**settings, "HANGTAG_HEALTH__PORT": "0"}, "run")

    assert ended.returncode == 11
    assert "registry.basic_auth" in ended.stderr
