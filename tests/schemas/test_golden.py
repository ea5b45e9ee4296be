# SPDX-License-Identifier: Apache-2.0
"""Bytes that are in somebody's topic already. A change here is a change of the wire format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumer.registry.bundled import BundledCodec
from consumer.registry.files import Subject
from consumer.registry.records import product_event, record_fields
from tests.schemas.examples import EMBEDDING, FULL_ATTRIBUTES, FULL_EVENT, SMALL_ATTRIBUTES, SMALL_EVENT

if TYPE_CHECKING:
    from consumer.attributes import ProductAttributes, ProductEmbedding
    from consumer.events import ProductEvent

GOLDEN = Path(__file__).parent / "golden"

RECORDS: dict[str, tuple[Subject, ProductEvent | ProductAttributes | ProductEmbedding]] = {
    "product-event-full": (Subject.PRODUCT_EVENTS, FULL_EVENT),
    "product-event-small": (Subject.PRODUCT_EVENTS, SMALL_EVENT),
    "product-attributes-full": (Subject.PRODUCT_ATTRIBUTES, FULL_ATTRIBUTES),
    "product-attributes-small": (Subject.PRODUCT_ATTRIBUTES, SMALL_ATTRIBUTES),
    "product-embedding": (Subject.PRODUCT_EMBEDDINGS, EMBEDDING),
}


def golden(name: str) -> bytes:
    return bytes.fromhex((GOLDEN / f"{name}.v1.hex").read_text())


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_encoded_byte_for_byte_as_ever(name: str) -> None:
    subject, record = RECORDS[name]

    assert BundledCodec().encode(subject, record_fields(record)).hex() == golden(name).hex()


@pytest.mark.parametrize("name", RECORDS)
def test_bytes_of_version_1_are_read_by_the_newest_version(name: str) -> None:
    subject, record = RECORDS[name]

    decoded = BundledCodec().decode(golden(name), ())

    assert decoded.subject is subject
    assert decoded.fields == record_fields(record)


def test_every_golden_file_is_used() -> None:
    assert {file.name for file in GOLDEN.iterdir()} == {f"{name}.v1.hex" for name in RECORDS}


def test_an_event_comes_back_as_it_was() -> None:
    codec = BundledCodec()

    for event in (FULL_EVENT, SMALL_EVENT):
        assert (
            product_event(codec.decode(codec.encode(Subject.PRODUCT_EVENTS, record_fields(event)), ()).fields) == event
        )


def test_the_bytes_say_what_the_specification_says() -> None:
    """Written by hand after the Avro specification, for the smallest event."""
    prefix, fingerprint, fields = (
        bytes.fromhex("c301"),
        golden("product-event-small")[2:10],
        b"".join(
            (
                b"\x00",  # event_id: empty
                b"\x04",  # event_type: zigzag of index 2
                b"\x02a",  # vendor_id
                b"\x021",  # sku
                b"\x00",  # product_version: 0
                b"\x00",  # occurred_at: 0
                b"\x00",  # title: empty
                b"\x00\x00\x00",  # description, brand, vendor_category: null
                b"\x00",  # vendor_attributes: no block
                b"\x00",  # image_urls: no block
                b"\x00\x00\x00\x00\x00",  # language, item_group_id, price, product_url, feed: null
            )
        ),
    )

    assert golden("product-event-small") == prefix + fingerprint + fields
