# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import Refused
from consumer.events import EventType, Price, ProductEvent
from consumer.feeds.seen import Seen
from consumer.feeds.state import FeedState, digest

if TYPE_CHECKING:
    from pathlib import Path

SHIRT = ProductEvent(
    event_id="e-1",
    event_type=EventType.UPSERT,
    vendor_id="acme",
    sku="1",
    product_version=1,
    occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
    title="Shirt",
    vendor_attributes={"color": "navy", "size": "M"},
    price=Price(Decimal("12.00"), "EUR"),
)


def seen(*keys: str) -> Seen:
    found = Seen()
    for key in keys:
        found.add(key)
    return found


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Blouse"},
        {"description": ""},
        {"brand": "Acme"},
        {"vendor_category": "Shirts"},
        {"vendor_attributes": {"color": "navy", "size": "L"}},
        {"image_urls": ("https://a.example/1.jpg",)},
        {"language": "en"},
        {"item_group_id": "g"},
        {"price": Price(Decimal("12.01"), "EUR")},
        {"price": None},
        {"product_url": "https://a.example/"},
        {"feed": "winter"},
        {"event_type": EventType.DELETE},
    ],
)
def test_the_digest_tells_every_change_of_the_product(change: dict[str, Any]) -> None:
    assert digest(replace(SHIRT, **change)) != digest(SHIRT)


def test_the_digest_does_not_tell_when_it_was_said_nor_in_which_order() -> None:
    later = replace(SHIRT, event_id="e-2", product_version=2, occurred_at=SHIRT.occurred_at + timedelta(1))

    assert digest(later) == digest(SHIRT)
    assert digest(replace(SHIRT, vendor_attributes={"size": "M", "color": "navy"})) == digest(SHIRT)


def test_what_was_acknowledged_is_known_in_the_next_push(tmp_path: Path) -> None:
    with FeedState(tmp_path / "new" / "feed.sqlite3") as state:
        state.expect([SHIRT.key])
        assert not state.has(SHIRT)
        state.keep(SHIRT)

    with FeedState(tmp_path / "new" / "feed.sqlite3") as state:
        assert state.has(SHIRT)
        assert not state.has(replace(SHIRT, title="Blouse"))
        assert not state.has(replace(SHIRT, sku="2"))


def test_a_product_that_was_sent_without_an_answer_is_sent_again_even_as_it_was_before(tmp_path: Path) -> None:
    with FeedState(tmp_path / "feed.sqlite3") as state:
        state.keep(SHIRT)

    with FeedState(tmp_path / "feed.sqlite3") as state:
        state.expect([SHIRT.key])  # a change goes out, and the push is killed

    with FeedState(tmp_path / "feed.sqlite3") as state:
        assert not state.has(SHIRT)
        assert list(state.left(Seen())) == ["acme:1"]


def test_products_that_left_are_those_not_seen_and_not_withdrawn(tmp_path: Path) -> None:
    with FeedState(tmp_path / "feed.sqlite3") as state:
        for sku in ("1", "2", "3"):
            state.keep(replace(SHIRT, sku=sku))
        state.keep(replace(SHIRT, sku="4", event_type=EventType.DELETE))

        assert state.count() == 3
        assert list(state.left(seen("acme:2"))) == ["acme:1", "acme:3"]
        assert state.has(replace(SHIRT, sku="4", event_type=EventType.DELETE))

        state.forget("acme:1")
        assert list(state.left(seen("acme:2"))) == ["acme:3"]


def test_two_pushes_of_one_feed_at_once_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "feed.sqlite3"
    with FeedState(path), pytest.raises(Refused, match="another push of this feed is running"):
        FeedState(path)

    with FeedState(path) as state:
        assert state.count() == 0


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "feed.sqlite3"
    path.write_bytes(b"no database" * 100)

    with pytest.raises(Refused, match=r"feed\.sqlite3, cannot be used"):
        FeedState(path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Refused, match="cannot be used"):
        FeedState(tmp_path / "file" / "feed.sqlite3")


def test_seen_remembers_exactly_what_was_added() -> None:
    keys = [f"acme:{number}" for number in random.Random(3).sample(range(10**9), 60_000)]
    found, expected = Seen(), set[str]()

    for key in [*keys[:40_000], *keys[20_000:40_000]]:
        assert found.add(key) is (key not in expected)
        expected.add(key)

    assert len(found) == 40_000
    assert all(key in found for key in keys[:40_000])
    assert not any(key in found for key in keys[40_000:])
