# SPDX-License-Identifier: Apache-2.0
"""Every client property that we set, with its reason. `docs/settings.md` prints these tables.

`kafka.properties` replaces the value of any of them but those of FIXED_KAFKA_PROPERTIES.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from consumer.settings import FIXED_KAFKA_PROPERTIES, SLACK_S, Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.kafka.broker import Limits
    from consumer.settings import Settings

_MIN_POLL_INTERVAL_S = 120.0
_BATCH_BYTES = 1_000_000
_BATCH_HEAD_BYTES = 512
#: The client takes no more, whatever a topic does.
_MAX_MESSAGE_BYTES = 1_000_000_000


class Property(NamedTuple):
    """One row."""

    name: str
    value: str | int | bool
    why: str


def consumer_rows(settings: Settings) -> Iterator[Property]:
    """Properties of the group member."""
    yield _fixed("group.id", settings.kafka.group_id)
    yield _fixed("enable.auto.commit", value=False)
    yield _fixed("enable.auto.offset.store", value=False)
    yield _fixed("isolation.level", "read_committed")
    yield _fixed("statistics.interval.ms", 1_000)
    yield from _group_rows(settings)
    yield _fixed("auto.offset.reset", "error")
    yield Property("queued.max.messages.kbytes", 16_384, "bounds memory; the default is 64 MiB")
    yield Property("queued.min.messages", 2_000, "same; the default is 100,000")
    yield Property(
        "fetch.queue.backoff.ms", 50, "with queues this small, the default of one second would starve the loop"
    )
    yield _no_new_topics()


def producer_rows(settings: Settings, limits: Limits) -> Iterator[Property]:
    """Properties of the producer; transactional in `exactly_once`."""
    kafka, engine = settings.kafka, settings.engine
    yield _fixed("enable.idempotence", value=True)
    if engine.delivery is Delivery.EXACTLY_ONCE:
        yield _fixed("transactional.id", f"{kafka.group_id}-{kafka.slot}")
        yield _fixed("transaction.timeout.ms", _ms(kafka.transaction_timeout_s))
    yield Property("linger.ms", 5, "transactions flush anyway")
    yield Property("partitioner", "murmur2_random", "Java's default; the engine itself names the partition")
    yield Property(
        "queue.buffering.max.messages",
        max(100_000, 8 * engine.slots),
        "a whole transaction fits, or the queue would be full in its middle",
    )
    yield _fixed("message.max.bytes", min(limits.largest_message_bytes, _MAX_MESSAGE_BYTES))
    yield _fixed("batch.size", max(1, min(_BATCH_BYTES, limits.smallest_message_bytes - _BATCH_HEAD_BYTES)))
    yield _no_new_topics()


def _group_rows(settings: Settings) -> Iterator[Property]:
    kafka = settings.kafka
    session_ms = _ms(kafka.session_timeout_s)
    # A rebalance may run the last transaction of the old assignment and then wait for the offsets of the new one.
    poll_interval_s = max(_MIN_POLL_INTERVAL_S, kafka.longest_silence_s + kafka.transaction_timeout_s + SLACK_S)
    beside_s = kafka.longest_silence_s - kafka.transaction_timeout_s
    yield Property(
        "max.poll.interval.ms",
        max(_ms(poll_interval_s), session_ms),
        f"above the wait for committed offsets (transaction timeout + {beside_s:g} s; no less may be set) and a last "
        "transaction; "
        "nothing slow runs between two polls",
    )
    if kafka.uses_consumer_protocol:
        return  # the broker's settings there, and the client refuses them
    yield _fixed("session.timeout.ms", session_ms)
    yield Property("heartbeat.interval.ms", min(3_000, max(50, session_ms // 12)), "several fit into a session")
    yield Property(
        "partition.assignment.strategy", "range", "`cooperative-sticky` works too; all members need the same one"
    )


def _no_new_topics() -> Property:
    return Property("allow.auto.create.topics", value=False, why="a typo must not become a topic")


def _fixed(name: str, value: str | int | bool) -> Property:  # noqa: FBT001 - a property's value
    return Property(name, value, FIXED_KAFKA_PROPERTIES[name])


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
