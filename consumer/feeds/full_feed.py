# SPDX-License-Identifier: Apache-2.0
"""Products that left a feed become DELETEs, all of them or none: a damaged file must not empty a shop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from consumer.events import EventType, ProductEvent
from consumer.feeds.rows import EPOCH, MICROSECOND, event_id_of

if TYPE_CHECKING:
    from consumer.feeds.seen import Seen
    from consumer.feeds.state import FeedState
    from consumer.feeds.tally import Tally

#: More than this share of the known products rarely leaves a shop between two feeds; a cut file loses any share.
MAX_SHARE = 0.1
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Departures:
    """What a full feed would withdraw: `left` of `known` products, and why it will not, if so."""

    known: int
    left: int
    first: tuple[str, ...]
    refused: str | None


def plan_departures(state: FeedState, seen: Seen, tally: Tally, *, known: int, allow_deletes: bool) -> Departures:
    """Hold a feed that was read to its end against its state; `known` products stood there before."""
    left = sum(1 for _ in state.left(seen))
    first = tuple(islice(state.left(seen), _SHOWN))
    return Departures(known, left, first, _refusal(tally, known, left, allow_deletes=allow_deletes))


def _refusal(tally: Tally, known: int, left: int, *, allow_deletes: bool) -> str | None:
    if known == 0:
        return "this feed has no earlier state to compare with; --changed-only or --full-feed --execute makes one"
    if tally.rows == tally.bad:
        return "the feed has no good row"
    if tally.nameless:
        return f"{tally.nameless} bad rows do not say which product they are about: it may be any"
    if left > MAX_SHARE * known and not allow_deletes:
        return f"{left} of {known} products, more than {MAX_SHARE:.0%}, left the feed; --allow-deletes if that is right"
    return None


def withdrawal(key: str, feed: str | None) -> ProductEvent:
    """The event that withdraws a product now."""
    vendor_id, _, sku = key.partition(":")
    moment = datetime.now(UTC)
    version = (moment - EPOCH) // MICROSECOND
    return ProductEvent(
        event_id=event_id_of(key, version),
        event_type=EventType.DELETE,
        vendor_id=vendor_id,
        sku=sku,
        product_version=version,
        occurred_at=moment,
        feed=feed,
    )
