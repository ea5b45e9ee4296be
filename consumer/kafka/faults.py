# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: SLF001 - librdkafka's own error codes begin with an underscore
"""What a Kafka error means: the one place that knows the codes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException

from consumer.errors import Fatal, Fenced, Refused, StaleGeneration

if TYPE_CHECKING:
    from collections.abc import Mapping

_CREDENTIALS = "sasl.mechanism, sasl.username and sasl.password in kafka.properties"

#: Code -> the setting to look at. Asking again cannot help.
_REFUSALS: Mapping[int, str] = {
    KafkaError.INVALID_SESSION_TIMEOUT: (
        "kafka.session_timeout_s must lie within the broker's group.min/max.session.timeout.ms"
    ),
    KafkaError.INVALID_GROUP_ID: "kafka.group_id",
    KafkaError.INCONSISTENT_GROUP_PROTOCOL: (
        "partition.assignment.strategy in kafka.properties differs from that of the other members of the group"
    ),
    KafkaError.INVALID_TRANSACTION_TIMEOUT: (
        "kafka.transaction_timeout_s is above the broker's transaction.max.timeout.ms"
    ),
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "the ACLs of the topics: READ on the input, WRITE on the outputs",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "the ACL of the group: READ",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "the ACL of the transactional id <group>-<slot>: WRITE",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "the ACLs of the cluster",
    KafkaError.SASL_AUTHENTICATION_FAILED: _CREDENTIALS,
    KafkaError._AUTHENTICATION: _CREDENTIALS,
    KafkaError._SSL: "ssl.ca.location and the other ssl.* in kafka.properties",
    KafkaError._UNKNOWN_PARTITION: (
        "an output has fewer partitions than the input; `hangtag topics check` prints the command that adds them"
    ),
}

_FENCED = {
    KafkaError._FATAL,  # as a message: a doubled group.instance.id comes so, with `.fatal()` false
    KafkaError._FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.PRODUCER_FENCED,
}

_STALE = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.STALE_MEMBER_EPOCH,
    KafkaError.FENCED_MEMBER_EPOCH,
}

#: Of them, those that say no more than that the group moved in between; KIP-848 has the second for plain commits.
_MOVED = {KafkaError.ILLEGAL_GENERATION, KafkaError.STALE_MEMBER_EPOCH}

#: Somebody is not there at the moment: asking again is all there is to do.
_OUTAGES = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
    KafkaError._MSG_TIMED_OUT,
    KafkaError._WAIT_COORD,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.BROKER_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_ENOUGH_REPLICAS,
    KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.CONCURRENT_TRANSACTIONS,
}

ALL_DOWN = KafkaError._ALL_BROKERS_DOWN

#: Sizes are checked before anything is produced, so these say that a topic's limit was lowered since it was read.
TOO_LARGE = {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
    KafkaError.INVALID_MSG_SIZE,
}


class Notice(StrEnum):
    """What an error among the consumed messages tells the loop."""

    NOTHING = "nothing"
    OUTAGE = "outage"
    """librdkafka reconnects by itself."""
    TOPIC_MISSING = "topic_missing"
    POLLED_TOO_RARELY = "polled_too_rarely"
    """Something slow ran on the owner thread; the partitions were lost, a new assignment follows."""
    INPUT_LOST = "input_lost"
    """Records were deleted before they were read: a person decides how to go on."""
    UNKNOWN = "unknown"


_NOTICES = {
    KafkaError._PARTITION_EOF: Notice.NOTHING,
    KafkaError.UNKNOWN_TOPIC_OR_PART: Notice.TOPIC_MISSING,
    KafkaError._UNKNOWN_TOPIC: Notice.TOPIC_MISSING,
    KafkaError._MAX_POLL_EXCEEDED: Notice.POLLED_TOO_RARELY,
    KafkaError._AUTO_OFFSET_RESET: Notice.INPUT_LOST,
    KafkaError.OFFSET_OUT_OF_RANGE: Notice.INPUT_LOST,
}


def kafka_error(exception: KafkaException) -> KafkaError:
    """The error inside the exception."""
    error: KafkaError = exception.args[0]
    return error


def fatal_for(error: KafkaError, *, works_on: bool = False) -> Fatal | None:
    """The error that must end this process; None when it can go on.

    `works_on`: it came of a batch of a member that keeps its partitions while the group moves, as incremental protocols
    have it.
    """
    code = error.code()
    if works_on and code in _MOVED:
        # The group moved on in the middle of a batch. What is still owned after the next poll is published in the new
        # generation. A restart would move the group again, under the feet of the others.
        return None
    words = f"{error.name()}: {error.str()}"
    if (advice := _REFUSALS.get(code)) is not None:
        return Refused(f"Kafka refuses us ({words}); look at: {advice}")
    if code in _STALE:
        return StaleGeneration(f"the group moved on ({words})")
    if code in _FENCED:
        return Fenced(f"another process took this slot, or the broker gave our transaction up ({words})")
    if error.fatal():
        return StaleGeneration(f"the client is beyond repair, a fresh one is not ({words})")
    return None


def advice_for(error: KafkaError) -> str | None:
    """The setting to look at; None where the error is not a refusal."""
    return _REFUSALS.get(error.code())


def notice_of(error: KafkaError) -> Notice:
    """What a consumed error tells the loop. Raises Fatal when the process must end."""
    if (fatal := fatal_for(error)) is not None:
        raise fatal
    if is_outage(error):
        return Notice.OUTAGE
    return _NOTICES.get(error.code(), Notice.UNKNOWN)


def is_outage(error: KafkaError) -> bool:
    """Whether waiting is the whole answer."""
    return error.retriable() or error.code() in _OUTAGES
