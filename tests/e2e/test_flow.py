# SPDX-License-Identifier: Apache-2.0
"""The installed command between real Kafka, real Triton and a real image host."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from consumer.headers import last_value
from tests.support.consumer import RunningConsumer, run_consumer, settings_between
from tests.support.flow import Ends, InputRecord, photo, upsert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.images import ImageHost
    from tests.support.kafka import Kafka
    from tests.support.triton import Triton

pytestmark = [pytest.mark.kafka, pytest.mark.triton, pytest.mark.timeout(240)]

GARBAGE = b"\xc3\x01" + bytes(8) + b"nobody knows this schema"


@pytest.fixture
def ends(kafka: Kafka) -> Ends:
    return Ends(kafka.bootstrap_servers, kafka.create_topics(partitions=4))


@pytest.fixture
def settings(ends: Ends, triton: Triton, image_host: ImageHost) -> dict[str, str]:
    return settings_between(ends, triton) | {"HANGTAG_IMAGES__ALLOW_PRIVATE": json.dumps([image_host.allow_private])}


@pytest.fixture
def consumer(tmp_path: Path, settings: dict[str, str]) -> Iterator[RunningConsumer]:
    with run_consumer(tmp_path, settings) as running:
        running.wait_until_ready()
        yield running


def test_every_event_ends_once_and_each_key_keeps_its_order(
    ends: Ends, image_host: ImageHost, consumer: RunningConsumer
) -> None:
    urls = [image_host.add(f"{colour}.jpg", photo(colour)) for colour in ("navy", "red", "green")]
    records = [
        upsert(f"sku-{number % 60}", version=1 + number // 60, image_urls=urls[: number % 4]) for number in range(300)
    ]
    records[50:50] = [InputRecord(f"acme:bad-{number}".encode(), GARBAGE, None) for number in range(5)]

    sent = ends.send(records)
    ends.wait_for_outcomes(sent, consumer)

    published = ends.read(ends.topics.attributes)
    dead = ends.read(ends.topics.dead_letters)
    sources = [last_value(record.headers, "hangtag.source") for record in [*published, *dead]]
    assert len(sources) == len(set(sources)) == sent == 305
    versions: dict[bytes | None, list[int]] = {}
    for record in published:
        versions.setdefault(record.key, []).append(int(last_value(record.headers, "ce_productversion") or 0))
    assert set(versions) == {f"acme:sku-{number}".encode() for number in range(60)}
    assert all(seen == [1, 2, 3, 4, 5] for seen in versions.values())
    assert {(letter.key, letter.value) for letter in dead} == {
        (f"acme:bad-{number}".encode(), GARBAGE) for number in range(5)
    }
    assert len(ends.read(ends.topics.embeddings)) == 300
    assert consumer.stop() == 0
    assert len(consumer.events("dead_lettered")) == 5


def test_a_second_start_takes_up_where_the_first_one_stopped(
    tmp_path: Path, ends: Ends, settings: dict[str, str]
) -> None:
    for first in (0, 20):
        with run_consumer(tmp_path, settings) as consumer:
            ends.send(upsert(f"sku-{number}") for number in range(first, first + 20))
            ends.wait_for_outcomes(first + 20, consumer)
            assert consumer.stop() == 0

    counts = Counter(record.key for record in ends.read(ends.topics.attributes))
    assert len(counts) == 40
    assert set(counts.values()) == {1}


def test_bad_input_is_dead_lettered_with_its_reason_and_the_process_lives(
    ends: Ends, consumer: RunningConsumer
) -> None:
    good = upsert("good")
    cases = {
        "avro_malformed": InputRecord(b"acme:1", b"not avro at all", None),
        "schema_unknown": InputRecord(b"acme:2", GARBAGE, None),
        "json_malformed": InputRecord(b"acme:3", b'{"event_id": '),
        "field_invalid": upsert("4", image_urls="not a list"),
        "unknown_event_type": upsert("5", event_type="UNKNOWN"),
        "key_missing": InputRecord(None, good.value),
        "key_mismatch": InputRecord(b"acme:another", good.value),
        "value_missing": InputRecord(b"acme:8", None),
    }

    sent = ends.send([*cases.values(), good])
    ends.wait_for_outcomes(sent, consumer)

    letters = ends.dead_letters()
    assert set(letters) == set(cases)
    for reason, case in cases.items():
        (letter,) = letters[reason]
        assert (letter.key, letter.value) == (case.key, case.value)
        assert last_value(letter.headers, "hangtag.error.branch") == "unprocessable"
    assert set(ends.attributes()) == {"acme:good"}
    assert not consumer.obstacles()


def test_odd_products_are_published_and_say_what_is_odd(
    ends: Ends, image_host: ImageHost, consumer: RunningConsumer
) -> None:
    url = image_host.add("navy.jpg", photo())
    sent = ends.send(
        [
            upsert("long-title", title="shirt " * 870_000, image_urls=[url]),
            upsert("many-urls", image_urls=[f"{url}?{number}" for number in range(500)]),
            upsert("private", image_urls=["http://127.0.0.3/secret.jpg", url]),
            upsert("dead-link", image_urls=[f"{image_host.url}/missing.jpg"]),
            upsert("empty", title=""),
            upsert("only-photo", title="", image_urls=[url]),
            upsert("markup", title="<b>Blue</b> shirt &amp; tie {{ title }}"),
        ]
    )
    ends.wait_for_outcomes(sent, consumer)

    published = {key.partition(":")[2]: record for key, record in ends.attributes().items() if record}
    assert set(published) == {"long-title", "many-urls", "private", "dead-link", "empty", "only-photo", "markup"}
    assert "truncated" in published["long-title"]["text"]["flags"]
    assert published["many-urls"]["quality"]["checks"] == ["image_urls_truncated:494"]
    assert (published["many-urls"]["status"], len(published["many-urls"]["images"])) == ("ENRICHED", 6)
    assert [image["reason"] for image in published["private"]["images"]] == ["blocked_address", None]
    assert published["private"]["status"] == "DEGRADED"
    assert [image["reason"] for image in published["dead-link"]["images"]] == ["status_4xx"]
    assert published["dead-link"]["quality"]["modalities"] == ["text"]
    assert (published["empty"]["review"]["needed"], published["empty"]["review"]["reasons"]) == (True, ["no_evidence"])
    assert published["empty"]["status"] == "ENRICHED"
    assert published["only-photo"]["quality"]["modalities"] == ["image"]
    assert "html" in published["markup"]["text"]["flags"]
    vectors = {record.key: record.value for record in ends.read(ends.topics.embeddings)}
    assert vectors[b"acme:empty"] is None
    assert vectors[b"acme:only-photo"] is not None


def test_a_delete_writes_tombstones_to_both_topics(ends: Ends, consumer: RunningConsumer) -> None:
    ends.send([upsert("gone")])
    ends.send([upsert("gone", version=2, event_type="DELETE")])
    ends.wait_for_outcomes(2, consumer)

    attributes = ends.read(ends.topics.attributes)
    assert [record.value is None for record in attributes] == [False, True]
    assert last_value(attributes[1].headers, "ce_productversion") == "2"
    assert [record.value is None for record in ends.read(ends.topics.embeddings)] == [False, True]
