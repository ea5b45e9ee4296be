# SPDX-License-Identifier: Apache-2.0
"""A registry that fails, over real HTTP: outages are waited for, refusals stop, and nobody else waits."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from consumer.errors import DeadLetterReason, Refused, RegistryUnavailable, Unprocessable
from consumer.registry.bundled import BundledCodec
from consumer.registry.client import Registry
from consumer.registry.confluent import ConfluentCodec
from consumer.registry.files import Subject, schema_versions
from consumer.registry.opening import open_codec, subject_names
from consumer.registry.records import product_event, record_fields
from consumer.registry.wire import id_prefix
from consumer.retry import Backoff
from consumer.settings import RegistrySettings, TopicSettings
from tests.schemas.examples import FULL_EVENT
from tests.support.tls import self_signed_listener
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler

    from tests.support.registry import SchemaHost

OURS = schema_versions(Subject.PRODUCT_EVENTS)[-1]
RECORD = BundledCodec().encode(Subject.PRODUCT_EVENTS, record_fields(FULL_EVENT))[10:]
NAMES = subject_names(TopicSettings())
AT_ONCE = Backoff(uniform=lambda _low, _high: 0.0)


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    """Promise a body and hang up."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.close_connection = True


@pytest.fixture
def registry(schema_host: SchemaHost) -> Iterator[Registry]:
    with Registry.open(RegistrySettings(url=schema_host.url, timeout_s=0.3)) as opened:
        yield opened


@pytest.fixture
def codec(registry: Registry) -> ConfluentCodec:
    return ConfluentCodec(registry, NAMES, AT_ONCE)


@pytest.fixture
def value(schema_host: SchemaHost) -> bytes:
    return id_prefix(schema_host.add(OURS)) + RECORD


def learn(codec: ConfluentCodec, value: bytes) -> None:
    asyncio.run(asyncio.wait_for(codec.learn(value, ()), 20))


@pytest.mark.parametrize(
    "fault",
    [
        (500, {"error_code": 50001, "message": "Error in the backend data store"}),
        (503, "no upstream"),
        (429, {"error_code": 429, "message": "slow down"}),
        (404, "<html>nothing here</html>"),
        (404, {"error_code": 404, "message": "HTTP 404 Not Found"}),
        (200, "<html>log in first</html>"),
        (200, {"not": "a schema"}),
        (200, {"schema": "{not json"}),
        (200, []),
        cut_off,
    ],
    ids=lambda fault: getattr(fault, "__name__", str(fault)),
)
def test_an_answer_that_says_nothing_of_the_schema_is_an_outage(
    schema_host: SchemaHost, codec: ConfluentCodec, value: bytes, fault: Any
) -> None:
    schema_host.faults.extend([fault, fault])

    with pytest.raises(RegistryUnavailable):
        codec.decode(value, ())
    learn(codec, value)

    assert product_event(codec.decode(value, ()).fields) == FULL_EVENT
    assert len(schema_host.asked) == 3


def test_a_registry_that_is_not_there_is_an_outage() -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with open_codec(RegistrySettings(url=url), TopicSettings()) as codec, pytest.raises(RegistryUnavailable, match=url):
        codec.decode(id_prefix(1) + RECORD, ())


def test_a_registry_that_is_too_slow_is_an_outage(schema_host: SchemaHost, codec: ConfluentCodec, value: bytes) -> None:
    schema_host.gate.clear()

    with pytest.raises(RegistryUnavailable):
        codec.decode(value, ())


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_says_which_setting_to_look_at(
    schema_host: SchemaHost, codec: ConfluentCodec, value: bytes, status: int
) -> None:
    schema_host.always = (status, {"error_code": status, "message": "Unauthorized"})

    with pytest.raises(Refused, match=r"registry\.basic_auth"):
        learn(codec, value)


def test_a_certificate_from_nobody_is_refused_and_no_outage() -> None:
    with (
        self_signed_listener() as url,
        Registry.open(RegistrySettings(url=url)) as registry,
        pytest.raises(Refused, match=r"registry\.ca_file"),
    ):
        registry.schema(1)


def test_user_and_password_are_sent_and_never_logged(schema_host: SchemaHost) -> None:
    schema_host.faults.append((503, "no upstream"))
    settings = RegistrySettings(url=schema_host.url, basic_auth="ann:hush")

    with capture_logs() as logs, Registry.open(settings) as registry:
        codec = ConfluentCodec(registry, NAMES, AT_ONCE)
        learn(codec, id_prefix(schema_host.add(OURS)) + RECORD)

    assert schema_host.authorization == "Basic YW5uOmh1c2g="
    assert [line["event"] for line in logs] == ["waiting_for_registry"]
    assert "hush" not in f"{logs} {settings!r}"


def test_an_unknown_id_is_a_dead_letter_and_no_outage(codec: ConfluentCodec) -> None:
    with pytest.raises(Unprocessable) as refused:
        learn(codec, id_prefix(7) + RECORD)

    assert refused.value.reason is DeadLetterReason.SCHEMA_UNKNOWN
    assert "no schema 7" in str(refused.value)


def test_an_id_that_was_unknown_may_be_known_later(schema_host: SchemaHost, codec: ConfluentCodec) -> None:
    with pytest.raises(Unprocessable):
        learn(codec, id_prefix(1) + RECORD)
    schema_host.add(OURS)

    learn(codec, id_prefix(1) + RECORD)


@pytest.mark.parametrize(
    ("schema", "kind", "why"),
    [
        ('syntax = "proto3";', "PROTOBUF", "of type PROTOBUF"),
        ({"type": "record", "name": "Order", "fields": []}, None, "Order, which is no record"),
        ({"type": "record", "name": "ProductEvent", "fields": [{"name": "a", "type": "nonsense"}]}, None, "nonsense"),
        ({"type": "record", "name": "ProductEvent", "fields": 3}, None, "no Avro schema"),
    ],
)
def test_a_schema_that_nobody_can_read_as_ours_is_asked_for_once(
    schema_host: SchemaHost, codec: ConfluentCodec, schema: object, kind: str | None, why: str
) -> None:
    value = id_prefix(schema_host.add(schema, kind=kind)) + RECORD

    for _ in range(3):
        with pytest.raises(Unprocessable, match=why) as refused:
            codec.decode(value, ())
        assert refused.value.reason is DeadLetterReason.SCHEMA_UNKNOWN
    assert len(schema_host.asked) == 1


def test_a_schema_is_asked_for_once(schema_host: SchemaHost, codec: ConfluentCodec, value: bytes) -> None:
    for _ in range(5):
        learn(codec, value)
        codec.decode(value, ())

    assert schema_host.asked == ["GET /schemas/ids/1"]


def test_a_hundred_events_at_once_ask_once(schema_host: SchemaHost, codec: ConfluentCodec, value: bytes) -> None:
    async def all_at_once() -> None:
        await asyncio.gather(*(codec.learn(value, ()) for _ in range(100)))

    asyncio.run(all_at_once())

    assert schema_host.asked == ["GET /schemas/ids/1"]


def test_the_event_loop_turns_and_known_schemas_go_on_while_the_registry_is_silent(schema_host: SchemaHost) -> None:
    known, unknown = (id_prefix(schema_host.add(OURS | {"doc": doc})) + RECORD for doc in ("One.", "Two."))

    async def work(codec: ConfluentCodec) -> None:
        await codec.learn(known, ())
        schema_host.gate.clear()
        waiting = asyncio.create_task(codec.learn(unknown, ()))
        await asyncio.to_thread(wait_until, lambda: len(schema_host.asked) == 2, 10)
        for _ in range(100):
            await asyncio.wait_for(codec.learn(known, ()), 1)
            codec.decode(known, ())
        assert not waiting.done()
        schema_host.gate.set()
        await asyncio.wait_for(waiting, 10)

    with Registry.open(RegistrySettings(url=schema_host.url, timeout_s=30)) as registry:
        asyncio.run(work(ConfluentCodec(registry, NAMES, AT_ONCE)))


def test_while_it_waits_it_says_for_what(schema_host: SchemaHost, codec: ConfluentCodec, value: bytes) -> None:
    schema_host.always = (503, "no upstream")

    async def work() -> None:
        waiting = asyncio.create_task(codec.learn(value, ()))
        await asyncio.to_thread(wait_until, lambda: codec.fault, 10)
        assert schema_host.url in str(codec.fault)
        schema_host.always = None
        await asyncio.wait_for(waiting, 10)

    asyncio.run(work())

    assert codec.fault is None


def test_a_waiter_that_is_called_off_leaves_the_others_waiting(
    schema_host: SchemaHost, codec: ConfluentCodec, value: bytes
) -> None:
    schema_host.always = (503, "no upstream")

    async def work() -> None:
        first, second = (asyncio.create_task(codec.learn(value, ())) for _ in range(2))
        await asyncio.to_thread(wait_until, lambda: codec.fault, 10)
        first.cancel()
        schema_host.always = None
        await asyncio.wait_for(second, 10)

    asyncio.run(work())

    assert product_event(codec.decode(value, ()).fields) == FULL_EVENT


def test_ready_waits_for_the_registry_and_then_outputs_ask_nobody(
    schema_host: SchemaHost, codec: ConfluentCodec
) -> None:
    for subject, name in NAMES.items():
        schema_host.add(schema_versions(subject)[-1], name)
    schema_host.faults.append((503, "no upstream"))

    asyncio.run(asyncio.wait_for(codec.ready(), 20))
    schema_host.always = (503, "no upstream")

    prefixes = {codec._prefix(subject) for subject in (Subject.PRODUCT_ATTRIBUTES, Subject.PRODUCT_EMBEDDINGS)}
    assert prefixes == {id_prefix(2), id_prefix(3)}


def test_outputs_that_are_not_registered_refuse_the_start(codec: ConfluentCodec) -> None:
    with pytest.raises(Refused, match="product-attributes-value is not registered"):
        asyncio.run(codec.ready())


def test_values_from_before_there_was_a_registry_are_read(schema_host: SchemaHost, codec: ConfluentCodec) -> None:
    value = BundledCodec().encode(Subject.PRODUCT_EVENTS, record_fields(FULL_EVENT))

    learn(codec, value)

    assert product_event(codec.decode(value, ()).fields) == FULL_EVENT
    assert schema_host.asked == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_is_none_is_refused(tmp_path: Any, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)

    with pytest.raises(Refused, match=r"registry\.ca_file"):
        Registry.open(RegistrySettings(url="https://127.0.0.1:1", ca_file=path))
