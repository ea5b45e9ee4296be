# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime

from consumer.events import DecodedProduct, Delivery, EnrichedProduct, EventType, Finished
from consumer.headers import last_value
from consumer.registry.bundled import BundledCodec
from consumer.registry.records import record_fields
from consumer.settings import TopicSettings
from consumer.stages.publish import Publish, Publisher
from tests.schemas.examples import EMBEDDING, FULL_ATTRIBUTES, FULL_EVENT

CODEC = BundledCodec()
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DELIVERY = Delivery(
    "product-events", 3, 17, FULL_EVENT.key.encode(), b"value", (("traceparent", b"00-1-2-01"), ("x", b"y")), 0
)
DECODED = DecodedProduct(DELIVERY, FULL_EVENT)
TOPICS = TopicSettings(attributes="attributes-b", embeddings="embeddings-b")


def publish(bundle: int = 3) -> Publish:
    return Publish(CODEC, TOPICS, Publisher("tagger", bundle, "t7"), now=lambda: NOW)


def finished(product: EnrichedProduct) -> Finished:
    return asyncio.run(publish()(product))


def test_attributes_and_embedding_go_to_their_topics_under_the_input_key() -> None:
    attributes, embedding = finished(EnrichedProduct(DECODED, FULL_ATTRIBUTES, EMBEDDING)).records

    assert (attributes.topic, embedding.topic) == ("attributes-b", "embeddings-b")
    assert attributes.key == embedding.key == DELIVERY.key
    assert attributes.value is not None
    assert embedding.value is not None
    assert CODEC.decode(attributes.value, ()).fields == record_fields(FULL_ATTRIBUTES)
    assert CODEC.decode(embedding.value, ()).fields == record_fields(EMBEDDING)


def test_a_product_without_embedding_gets_a_tombstone_in_its_place() -> None:
    attributes, embedding = finished(EnrichedProduct(DECODED, FULL_ATTRIBUTES, None)).records

    assert attributes.value is not None
    assert (embedding.topic, embedding.key, embedding.value) == ("embeddings-b", DELIVERY.key, None)


def test_a_delete_leaves_tombstones_in_both_topics_with_headers() -> None:
    deleted = DecodedProduct(DELIVERY, replace(FULL_EVENT, event_type=EventType.DELETE))

    attributes, embedding = asyncio.run(publish().tombstones(deleted)).records

    assert [(record.topic, record.value) for record in (attributes, embedding)] == [
        ("attributes-b", None),
        ("embeddings-b", None),
    ]
    assert last_value(attributes.headers, "ce_type") == "org.hangtag.product.attributes.v1"
    assert last_value(embedding.headers, "ce_type") == "org.hangtag.product.embedding.v1"
    assert last_value(attributes.headers, "ce_productversion") == str(FULL_EVENT.product_version)


def test_headers_say_what_came_from_where() -> None:
    attributes, embedding = finished(EnrichedProduct(DECODED, FULL_ATTRIBUTES, EMBEDDING)).records
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "org.hangtag")
    event_id = uuid.uuid5(namespace, f"{FULL_EVENT.key}/{FULL_EVENT.event_id}/3/t7")

    assert dict(attributes.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": f"{event_id}/attributes".encode(),
        "ce_source": b"hangtag/tagger",
        "ce_type": b"org.hangtag.product.attributes.v1",
        "ce_time": b"2026-01-02T03:04:05.000000Z",
        "ce_subject": FULL_EVENT.key.encode(),
        "ce_productversion": b"1767323045678901",
        "ce_bundle": b"3",
        "content-type": b"application/avro",
        "hangtag.source": b"product-events/3/17",
        "traceparent": b"00-1-2-01",
    }
    assert last_value(embedding.headers, "ce_id") == f"{event_id}/embedding"


def test_the_same_event_gives_the_same_records_again_and_another_bundle_other_ids() -> None:
    product = EnrichedProduct(DECODED, FULL_ATTRIBUTES, EMBEDDING)

    assert finished(product) == finished(product)
    first, other = finished(product).records[0], asyncio.run(publish(bundle=4)(product)).records[0]
    assert last_value(first.headers, "ce_id") != last_value(other.headers, "ce_id")
