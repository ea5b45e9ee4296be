# SPDX-License-Identifier: Apache-2.0
"""Kafka and the topics."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from consumer.settings.section import Section

#: Properties that the delivery guarantee rests on; `kafka.properties` may set any other.
FIXED_KAFKA_PROPERTIES = {
    "enable.auto.commit": "offsets move only in our own transaction",
    "enable.auto.offset.store": "offsets move only in our own transaction",
    "isolation.level": "hides aborted input and makes the committed offset wait for open transactions",
    "transactional.id": "it is `<group>-<slot>`; set kafka.group_id and kafka.slot",
    "bootstrap.servers": "set kafka.bootstrap_servers",
    "metadata.broker.list": "set kafka.bootstrap_servers",
    "group.id": "set kafka.group_id",
}


class Start(StrEnum):
    """Where a group without commits begins."""

    BEGINNING = "beginning"
    LATEST = "latest"


class KafkaSettings(Section):
    """Where Kafka is and who we are there."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="Addresses of the brokers, comma-separated.")
    group_id: str = Field("hangtag", pattern=r"^[A-Za-z0-9._-]{1,200}$", description="Consumer group.")
    slot: str = Field(
        "0",
        pattern=r"^[A-Za-z0-9._-]{1,40}$",
        description="This process's transactional slot; two processes of one group need two, or they fence each other.",
    )
    start: Start = Field(Start.BEGINNING, description="Where a group without commits begins: beginning or latest.")
    transaction_timeout_s: float = Field(
        30, gt=1, le=900, description="A dead worker's open transaction blocks readers for at most this long."
    )
    session_timeout_s: float = Field(
        45,
        gt=0.1,
        le=1800,
        description="Silence after which the group gives our partitions away; see the broker's range.",
    )
    properties: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description="Any librdkafka property, for all clients; the ones we rely on are refused.",
    )

    @model_validator(mode="after")
    def _refuse_fixed(self) -> KafkaSettings:
        faults = [f"{name} is fixed: {why}" for name, why in FIXED_KAFKA_PROPERTIES.items() if name in self.properties]
        if faults:
            raise ValueError("; ".join(faults))
        return self


class TopicSettings(Section):
    """Names of the four topics."""

    events: str = Field("product-events", description="Input.")
    attributes: str = Field("product-attributes", description="Enriched events, compacted.")
    embeddings: str = Field("product-embeddings", description="Product vectors, compacted.")
    dead_letters: str = Field("product-events-dlq", description="Input records that can never work, untouched.")
