# SPDX-License-Identifier: Apache-2.0
"""Opening Kafka clients: what all of them get, and what it means when the client refuses its properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from confluent_kafka import KafkaException

from consumer.errors import SettingsInvalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.settings import KafkaSettings

T = TypeVar("T")

Properties = dict[str, Any]


def client_properties(kafka: KafkaSettings) -> Properties:
    """For every client. librdkafka's own log is off: what is wrong arrives as errors, and we say it ourselves."""
    return {"log_level": 0, **kafka.properties, "bootstrap.servers": kafka.bootstrap_servers}


def opened(kind: Callable[[Properties], T], properties: Properties) -> T:
    """A client of that kind; it dials in the background. Raises SettingsInvalid for properties that it refuses."""
    try:
        return kind(properties)
    except (KafkaException, TypeError, ValueError) as error:
        words = error.args[0].str() if isinstance(error, KafkaException) else str(error)
        raise SettingsInvalid(f"settings are wrong:\n  kafka.properties: {words.strip()}") from error
