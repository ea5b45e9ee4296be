# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import threading
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from consumer.cli import app
from consumer.errors import BrokerUnavailable, Refused
from consumer.feeds.producer import EventProducer
from consumer.feeds.push import push
from consumer.feeds.rows import BadRow, EventRow, Row, read_events
from consumer.headers import last_value
from consumer.kafka.tail import Span, tail
from consumer.registry.bundled import BundledCodec
from consumer.registry.records import product_event
from tests.schemas.examples import MOMENT
from tests.support.rows import none_is_bad

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.settings import KafkaSettings, TopicSettings
    from tests.support.kafka import Kafka

pytestmark = pytest.mark.kafka


def murmur2(key: bytes) -> int:
    """The hash of Java's default partitioner, after its definition in `org.apache.kafka.common.utils.Utils`."""
    mask, multiplier = 0xFFFFFFFF, 0x5BD1E995
    mixed = (0x9747B28C ^ len(key)) & mask
    whole = len(key) // 4 * 4
    for start in range(0, whole, 4):
        word = int.from_bytes(key[start : start + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        mixed = (mixed * multiplier & mask) ^ word
    if rest := key[whole:]:
        mixed = (mixed ^ int.from_bytes(rest, "little")) * multiplier & mask
    mixed = (mixed ^ mixed >> 13) * multiplier & mask
    return mixed ^ mixed >> 15


def rows(count: int, **fields: Any) -> Iterator[EventRow | BadRow]:
    return read_events((Row(n, {"sku": str(n), "vendor_id": "acme"} | fields) for n in range(1, count + 1)), MOMENT)


def command(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--output", "json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


def test_a_feed_of_fifty_lines_with_two_bad_ones_arrives_but_for_those(
    broker: KafkaSettings, topics: TopicSettings, tmp_path: Path
) -> None:
    lines = [json.dumps({"sku": str(number), "title": f"Shirt {number}"}) for number in range(50)]
    lines[10], lines[20] = "broken", '{"sku": 3}'
    feed = tmp_path / "feed.jsonl"
    feed.write_text("\n".join(lines))

    status, (counts,) = command("feed", "push", feed, "--format", "jsonl", "--vendor", "acme")
    _, records = command("events", "tail", "--topic", topics.events)

    assert status == 3
    assert (counts["rows"], counts["events"], counts["bad"]) == (50, 48, 2)
    assert [row["line"] for row in counts["bad_rows"]] == [11, 21]
    assert {record["key"] for record in records} == {f"acme:{n}" for n in range(50)} - {"acme:10", "acme:20"}
    assert all(record["headers"]["ce_id"] == record["value"]["event_id"] for record in records)
    assert {record["headers"]["content-type"] for record in records} == {"application/avro"}
    assert broker.bootstrap_servers


def test_a_key_lies_where_every_java_producer_would_put_it(broker: KafkaSettings, topics: TopicSettings) -> None:
    push(rows(300), EventProducer(broker, topics.events, BundledCodec()), none_is_bad)

    found = {delivery.key: delivery.partition for delivery in tail(broker, Span(topics.events))}

    assert len(found) == 300
    assert found == {key: (murmur2(key) & 0x7FFFFFFF) % 3 for key in found if key is not None}
    assert set(Counter(found.values())) == {0, 1, 2}


def test_events_of_one_product_stay_in_order(broker: KafkaSettings, topics: TopicSettings) -> None:
    push(rows(2_000, sku="42"), EventProducer(broker, topics.events, BundledCodec()), none_is_bad)

    codec = BundledCodec()
    versions = [
        product_event(codec.decode(delivery.value or b"", ()).fields).product_version
        for delivery in tail(broker, Span(topics.events, key="acme:42"))
    ]

    assert len(versions) == 2_000
    assert versions == sorted(versions)


def test_a_row_that_the_broker_finds_too_large_is_bad_and_the_others_arrive(
    broker: KafkaSettings, topics: TopicSettings
) -> None:
    bad: list[BadRow] = []
    large = Row(2, {"sku": "2", "vendor_id": "acme", "title": "x" * (9 << 20)})
    feed = read_events(
        [Row(1, {"sku": "1", "vendor_id": "acme"}), large, Row(3, {"sku": "3", "vendor_id": "acme"})], MOMENT
    )

    tally = push(feed, EventProducer(broker, topics.events, BundledCodec()), bad.append)

    assert (tally.rows, tally.events, tally.bad) == (3, 2, 1)
    assert [row.line for row in bad] == [2]
    assert {delivery.key for delivery in tail(broker, Span(topics.events))} == {b"acme:1", b"acme:3"}


def test_a_title_of_five_megabytes_fits(broker: KafkaSettings, topics: TopicSettings) -> None:
    title = "ü" * 2_500_000

    tally = push(rows(1, title=title), EventProducer(broker, topics.events, BundledCodec()), none_is_bad)
    (delivery,) = tail(broker, Span(topics.events))

    assert tally.events == 1
    assert BundledCodec().decode(delivery.value or b"", ()).fields["title"] == title


def test_a_topic_that_is_not_there_stops_the_push(broker: KafkaSettings) -> None:
    with pytest.raises((BrokerUnavailable, Refused), match="there is no topic nowhere; `hangtag topics create`"):
        EventProducer(broker, "nowhere", BundledCodec(), timeout_s=1)


def test_tail_reads_from_the_beginning_by_key_and_up_to_a_limit(broker: KafkaSettings, topics: TopicSettings) -> None:
    push(rows(30), EventProducer(broker, topics.events, BundledCodec()), none_is_bad)

    _, by_key = command("events", "tail", "--topic", topics.events, "--key", "acme:7")
    _, limited = command("events", "tail", "--topic", topics.events, "--limit", 4)
    _, from_end = command("events", "tail", "--topic", topics.events, "--from", "end")

    assert [record["key"] for record in by_key] == ["acme:7"]
    assert len(limited) == 4
    assert from_end == []


def test_tail_of_an_empty_topic_ends(broker: KafkaSettings, topics: TopicSettings) -> None:
    assert list(tail(broker, Span(topics.events))) == []


def test_tail_of_a_topic_that_is_not_there_says_so(broker: KafkaSettings) -> None:
    with pytest.raises(Refused, match="nowhere"):
        next(tail(broker, Span("nowhere")))


def test_following_goes_on_with_what_comes_later(broker: KafkaSettings, topics: TopicSettings) -> None:
    follower = tail(broker, Span(topics.events, is_following=True))
    push(rows(1), EventProducer(broker, topics.events, BundledCodec()), none_is_bad)
    first = next(follower)

    sender = threading.Thread(
        target=push, args=(rows(1, sku="later"), EventProducer(broker, topics.events, BundledCodec()), none_is_bad)
    )
    sender.start()
    second = next(follower)
    sender.join()
    follower.close()

    assert (first.key, second.key) == (b"acme:1", b"acme:later")


def transactional(kafka: Kafka, name: str) -> Producer:
    producer = Producer(
        {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": name, "transaction.timeout.ms": 60_000}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    return producer


def test_tail_shows_committed_records_at_once_and_aborted_ones_never(
    kafka: Kafka, broker: KafkaSettings, topics: TopicSettings
) -> None:
    producer = transactional(kafka, f"{topics.events}-a")
    for number in range(5):
        producer.produce(topics.events, key=f"aborted-{number}", value=b"x")
    producer.flush(30)
    producer.abort_transaction(30)
    producer.begin_transaction()
    for number in range(5):
        producer.produce(topics.events, key=f"committed-{number}", value=None)
    producer.commit_transaction(30)

    _, records = command("events", "tail", "--topic", topics.events)

    assert sorted(record["key"] for record in records) == [f"committed-{number}" for number in range(5)]
    assert [record["value"] for record in records] == [None] * 5
    assert broker.bootstrap_servers


def test_an_open_transaction_neither_shows_nor_hangs_the_reader(
    kafka: Kafka, broker: KafkaSettings, topics: TopicSettings
) -> None:
    push(rows(20), EventProducer(broker, topics.events, BundledCodec()), none_is_bad)
    producer = transactional(kafka, f"{topics.events}-b")
    producer.produce(topics.events, key=b"open", value=b"x", partition=0)
    producer.flush(30)

    keys = [delivery.key for delivery in islice(tail(broker, Span(topics.events)), 100)]
    producer.abort_transaction(30)

    assert len(keys) == 20
    assert b"open" not in keys


def test_events_say_what_kind_they_are_in_their_headers(broker: KafkaSettings, topics: TopicSettings) -> None:
    push(rows(1, product_version=7), EventProducer(broker, topics.events, BundledCodec()), none_is_bad)

    (delivery,) = tail(broker, Span(topics.events))

    expected = {"ce_type": "org.hangtag.product.event.v1", "ce_subject": "acme:1", "ce_productversion": "7"}
    assert {name: last_value(delivery.headers, name) for name in expected} == expected
