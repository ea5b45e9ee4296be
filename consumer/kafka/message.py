# SPDX-License-Identifier: Apache-2.0
"""A client's message as the rest of Hangtag sees it: Kafka objects never leave this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.events import Delivery

if TYPE_CHECKING:
    from confluent_kafka import Message


def delivery_of(message: Message) -> Delivery:
    """One record, bytes untouched. Only for messages without an error."""
    kind, timestamp_ms = message.timestamp()
    headers = message.headers()
    # The client says "or None" of the first three, for messages that no broker has taken yet.
    return Delivery(
        message.topic(),  # type: ignore[arg-type]
        message.partition(),  # type: ignore[arg-type]
        message.offset(),  # type: ignore[arg-type]
        message.key(),
        message.value(),
        tuple(headers) if headers else (),  # type: ignore[arg-type]
        timestamp_ms if kind else -1,
    )
