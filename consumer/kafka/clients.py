# SPDX-License-Identifier: Apache-2.0
"""Kafka clients with the properties that the delivery guarantee and the memory bound rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from consumer.kafka.broker import CurrentLimits, Limits
from consumer.kafka.opening import Properties, client_properties, opened
from consumer.kafka.properties import consumer_rows, producer_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confluent_kafka import KafkaError

    from consumer.kafka.properties import Property
    from consumer.settings import Settings


@dataclass(frozen=True, slots=True)
class Reports:
    """Who hears what the consumer says on the side; called on the owner thread, inside a poll."""

    error: Callable[[KafkaError], None]
    statistics: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Clients:
    """One member of the group, and how it gets a producer. One thread at a time touches them."""

    consumer: Consumer
    open_producer: Callable[[], Producer]


def connect(settings: Settings, limits: CurrentLimits, reports: Reports) -> Clients:
    """Open the clients. They dial in the background; nothing here waits for the broker. Raises SettingsInvalid."""
    member = {**consumer_properties(settings), "error_cb": reports.error, "stats_cb": reports.statistics}
    return Clients(opened(Consumer, member), lambda: opened(Producer, producer_properties(settings, limits.now)))


def connect_admin(settings: Settings, on_error: Callable[[KafkaError], None] | None = None) -> AdminClient:
    """A client for questions about the cluster. Keep the reference while it is in use. Raises SettingsInvalid.

    `on_error` hears of connections that fail, inside of the client's `poll`.
    """
    return opened(AdminClient, _common(settings) | ({"error_cb": on_error} if on_error else {}))


def try_properties(settings: Settings) -> None:
    """Return when the clients take our properties; asks no broker. Raises SettingsInvalid."""
    opened(Consumer, consumer_properties(settings)).close()
    opened(Producer, producer_properties(settings, Limits()))


def consumer_properties(settings: Settings) -> Properties:
    """Properties of the group member."""
    return _overlaid(consumer_rows(settings), settings)


def producer_properties(settings: Settings, limits: Limits) -> Properties:
    """Properties of the producer; transactional in `exactly_once`."""
    return _overlaid(producer_rows(settings, limits), settings)


def is_incremental(settings: Settings) -> bool:
    """Whether the group protocol hands partitions over one by one instead of all at once."""
    strategy = settings.kafka.properties.get("partition.assignment.strategy", "")
    return settings.kafka.uses_consumer_protocol or "cooperative" in strategy


def _overlaid(rows: Iterator[Property], settings: Settings) -> Properties:
    # Those that are fixed cannot be among `kafka.properties`.
    return {**{row.name: row.value for row in rows}, **_common(settings)}


def _common(settings: Settings) -> Properties:
    return {"client.id": f"{settings.kafka.group_id}-{settings.kafka.slot}", **client_properties(settings.kafka)}
