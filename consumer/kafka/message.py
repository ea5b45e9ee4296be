# SPDX-License-Identifier: Apache-2.0
"""A client's message as the rest of Hangtag sees it: Kafka objects never leave this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from consumer.events import Delivery

if TYPE_CHECKING:
    from confluent_kafka import Message


def delivery_of(message: Message) -> Delivery:
    """One record, bytes untouched. Only for messages without an error."""
    kind, timestamp_ms = message.timestamp()
    headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    return Delivery(
        # The client says "or None" of these three, for messages that no broker has taken yet.
        topic=cast("str", message.topic()),
        partition=cast("int", message.partition()),
        offset=cast("int", message.offset()),
        key=message.key(),
        value=message.value(),
        headers=tuple(headers),
        timestamp_ms=timestamp_ms if kind else -1,
    )
