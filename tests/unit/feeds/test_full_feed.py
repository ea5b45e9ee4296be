# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import random
from typing import TYPE_CHECKING

import pytest

from consumer.feeds.formats import Format
from consumer.feeds.full_feed import Departures
from consumer.feeds.push import Feed, Memory, Push, Report, read_feed
from consumer.feeds.reading import Reading
from consumer.feeds.state import FeedState
from consumer.registry.bundled import BundledCodec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KNOWN = 100


@pytest.fixture
def state(tmp_path: Path) -> Iterator[FeedState]:
    """What an earlier push of products 0 to 99 left."""
    with FeedState(tmp_path / "state.sqlite3") as opened:
        for row in read_feed(table(tmp_path, csv(range(KNOWN)))):
            opened.keep(row.event)  # type: ignore[union-attr]
        yield opened


def csv(skus: range | list[int], more: str = "") -> bytes:
    return f"title,sku\n{''.join(f'Shirt {sku},{sku}{chr(10)}' for sku in skus)}{more}".encode()


def table(folder: Path, content: bytes) -> Feed:
    file = folder / "feed.csv"
    file.write_bytes(content)
    return Feed(file, Format.CSV, "acme", reading=Reading())


def plan(folder: Path, state: FeedState, content: bytes, *, allow_deletes: bool = False) -> Departures:
    push = Push(Report(lambda _: None), Memory(state, full_feed=True, allow_deletes=allow_deletes))
    push.check(read_feed(table(folder, content)), BundledCodec())
    assert push.departures is not None
    return push.departures


def test_what_left_the_feed_is_planned_and_nothing_is_written(tmp_path: Path, state: FeedState) -> None:
    assert plan(tmp_path, state, csv(range(10, KNOWN))) == Departures(
        KNOWN, 10, tuple(f"acme:{sku}" for sku in range(10)), None
    )
    assert state.count() == KNOWN


def test_nothing_leaves_when_all_are_there(tmp_path: Path, state: FeedState) -> None:
    assert plan(tmp_path, state, csv(range(KNOWN + 5))) == Departures(KNOWN, 0, (), None)


def test_more_than_a_tenth_is_refused_unless_it_is_allowed(tmp_path: Path, state: FeedState) -> None:
    content = csv(range(11, KNOWN))

    assert plan(tmp_path, state, content).refused == (
        "11 of 100 products, more than 10%, left the feed; --allow-deletes if that is right"
    )
    assert plan(tmp_path, state, content, allow_deletes=True).refused is None


def test_a_bad_row_that_names_its_product_keeps_it(tmp_path: Path, state: FeedState) -> None:
    broken = b"title,sku,price\n" + b"".join(b"Shirt %d,%d,%s\n" % (n, n, b"" if n else b"free") for n in range(99))

    departures = plan(tmp_path, state, broken)

    assert (departures.left, departures.first, departures.refused) == (1, ("acme:99",), None)


@pytest.mark.parametrize("more", ["no id,\n", "two,many,99\n", "Shirt 99", 'Shirt 99,"99\n'])
def test_a_bad_row_that_could_be_any_product_withdraws_none(tmp_path: Path, state: FeedState, more: str) -> None:
    departures = plan(tmp_path, state, csv(range(99), more), allow_deletes=True)

    assert departures.left == 1
    assert departures.refused == "1 bad rows do not say which product they are about: it may be any"


def test_a_file_that_breaks_off_withdraws_none(tmp_path: Path, state: FeedState) -> None:
    letters = random.Random(7)  # so that it stays long
    rows = "".join(f"{letters.getrandbits(900):x},{sku}\n" for sku in range(5_000))
    packed = gzip.compress(b"title,sku\n" + rows.encode())

    assert "it may be any" in (plan(tmp_path, state, packed[:-500], allow_deletes=True).refused or "")


@pytest.mark.parametrize("allow_deletes", [False, True])
def test_a_feed_without_rows_withdraws_none(tmp_path: Path, state: FeedState, allow_deletes: bool) -> None:  # noqa: FBT001
    departures = plan(tmp_path, state, b"title,sku\n", allow_deletes=allow_deletes)

    assert departures.refused == "the feed has no good row"


def test_without_an_earlier_state_none_is_withdrawn(tmp_path: Path) -> None:
    with FeedState(tmp_path / "new.sqlite3") as state:
        assert "no earlier state" in (plan(tmp_path, state, csv(range(3))).refused or "")
