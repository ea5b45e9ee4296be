# SPDX-License-Identifier: Apache-2.0
"""Kafka and the topics."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from consumer.settings.section import Section

#: The broker ends an abandoned transaction up to this long after its timeout.
TRANSACTION_SWEEP_S = 10.0
#: For what takes longer than it should, beside the waits that are computed.
SLACK_S = 20.0
#: One question about committed offsets; the last may be put when the wait for them is all but over.
QUESTION_S = 5.0

_POLL_INTERVAL = "max.poll.interval.ms"
#: The client would read 010000 as 4096, 0xfa0 and +4000 as 4000, and of larger numbers only their last 32 bits.
_PLAIN_NUMBER = re.compile("[1-9][0-9]{0,7}")
#: Properties that the delivery guarantee rests on; `kafka.properties` may set any other.
FIXED_KAFKA_PROPERTIES = {
    "enable.auto.commit": "offsets move only in our own transaction",
    "enable.auto.offset.store": "offsets move only in our own transaction",
    "isolation.level": "hides aborted input and makes the committed offset wait for open transactions",
    "statistics.interval.ms": "the loop learns from the statistics, once a second, that a broker is back",
    "enable.idempotence": "a record that is sent twice must count once, in its place",
    "transactional.id": "it is `<group>-<slot>`; set kafka.group_id and kafka.slot",
    "transaction.timeout.ms": "waits of the loop follow from it; set kafka.transaction_timeout_s",
    "session.timeout.ms": "heartbeats and the poll interval follow from it; set kafka.session_timeout_s",
    "auto.offset.reset": "lost input must be seen, not jumped over; set kafka.start and kafka.input_lost",
    "message.max.bytes": "follows `max.message.bytes` of the topics, or the client would refuse outputs that fit",
    "batch.size": "follows them too: many small records must not add up to more than the smallest topic takes",
    "bootstrap.servers": "set kafka.bootstrap_servers",
    "metadata.broker.list": "set kafka.bootstrap_servers",
    "group.id": "set kafka.group_id",
}

_BROKER_SIDE = "with group.protocol=consumer the broker decides"
#: Refused beside `group.protocol=consumer` (KIP-848), two of them by the client as well.
CLASSIC_KAFKA_PROPERTIES = {
    "heartbeat.interval.ms": f"{_BROKER_SIDE}: group.consumer.heartbeat.interval.ms",
    "partition.assignment.strategy": f"{_BROKER_SIDE}; group.remote.assignor asks for one of its assignors",
    "group.instance.id": "a static member that was killed comes back only with group.protocol=classic",
}


class Start(StrEnum):
    """Where a group without commits begins."""

    BEGINNING = "beginning"
    LATEST = "latest"


class InputLost(StrEnum):
    """What to do where the next record to read was deleted: retention was quicker than we."""

    STOP = "stop"
    SKIP = "skip"


class KafkaSettings(Section):
    """Where Kafka is and who we are there."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="Addresses of the brokers, comma-separated.")
    group_id: str = Field("hangtag", pattern=r"^[A-Za-z0-9._-]{1,200}$", description="Consumer group.")
    slot: str = Field(
        "0",
        pattern=r"^[A-Za-z0-9._-]{1,40}$",
        description="This process's transactional slot; two processes of one group need two, or they fence each other.",
    )
    input_lost: InputLost = Field(
        InputLost.STOP,
        description="Where records were deleted before they were read: stop that partition, or skip to what is left.",
    )
    start: Start = Field(Start.BEGINNING, description="Where a group without commits begins: beginning or latest.")
    transaction_timeout_s: float = Field(
        30,
        gt=1,
        le=900,
        description="A dead worker's open transaction blocks readers for at most this long. With 10 s the loss of one "
        "of three brokers ended transactions fatally.",
    )
    session_timeout_s: float = Field(
        45,
        gt=0.1,
        le=1800,
        description="Silence after which the group gives our partitions away; within the broker's range. With 10 s a "
        "lost broker cost healthy workers their partitions. Not used with group.protocol=consumer.",
    )
    properties: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        examples=[{"security.protocol": "SASL_SSL"}],
        description="Any librdkafka property, for all clients; the ones we rely on are refused.",
    )

    @property
    def uses_consumer_protocol(self) -> bool:
        """Whether the group is run by the broker (KIP-848) instead of by its members."""
        return self.properties.get("group.protocol", "").lower() == "consumer"

    @property
    def committed_wait_s(self) -> float:
        """How long a previous owner's open transaction can hold back the committed offsets, with slack."""
        return self.transaction_timeout_s + TRANSACTION_SWEEP_S + SLACK_S

    @property
    def longest_silence_s(self) -> float:
        """How long a new owner of partitions may not poll: that wait, and the question that it ends with."""
        return self.committed_wait_s + QUESTION_S

    @model_validator(mode="after")
    def _refuse_fixed(self) -> KafkaSettings:
        fixed = FIXED_KAFKA_PROPERTIES | (CLASSIC_KAFKA_PROPERTIES if self.uses_consumer_protocol else {})
        faults = [f"{name} is fixed: {why}" for name, why in fixed.items() if name in self.properties]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @model_validator(mode="after")
    def _refuse_short_poll_interval(self) -> KafkaSettings:
        if _POLL_INTERVAL not in self.properties:
            return self
        given = self.properties[_POLL_INTERVAL].strip()  # the client strips it too
        if _PLAIN_NUMBER.fullmatch(given) is None:
            raise ValueError(f"{_POLL_INTERVAL} must be a plain number of milliseconds, not {given!r}")
        silence_ms = round(self.longest_silence_s * 1000)
        if int(given) <= silence_ms:
            beside_s = self.longest_silence_s - self.transaction_timeout_s
            raise ValueError(
                f"{_POLL_INTERVAL} must be above {silence_ms}: a new owner of partitions waits up to that long for the "
                f"transaction of the one before (kafka.transaction_timeout_s and {beside_s:g} s), and would lose them "
                "meanwhile"
            )
        return self


TopicName = Annotated[str, Field(pattern=r"^(\.{3}|\.{0,2}[A-Za-z0-9_-])[A-Za-z0-9._-]*$", max_length=249)]
"""What Kafka takes: not `.` and `..`."""


class TopicSettings(Section):
    """Names of the four topics."""

    events: TopicName = Field("product-events", description="Input.")
    attributes: TopicName = Field("product-attributes", description="Enriched events, compacted.")
    embeddings: TopicName = Field("product-embeddings", description="Product vectors, compacted.")
    dead_letters: TopicName = Field("product-events-dlq", description="Input records that can never work, untouched.")

    @model_validator(mode="after")
    def _refuse_twins(self) -> TopicSettings:
        # Dead letters that are read again as events would become dead letters for ever.
        names = list(self.model_dump().values())
        twins = sorted({name for name in names if names.count(name) > 1})
        if twins:
            raise ValueError(f"each needs a topic of its own: {', '.join(twins)} stands more than once")
        return self
