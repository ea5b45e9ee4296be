# SPDX-License-Identifier: Apache-2.0
"""Whether the topics' configurations are as delivery, dead letters and readers need them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.doctor.finding import Status, verdict
from consumer.doctor.judge import Judge
from consumer.kafka.topics import MIN_IN_SYNC, OUTPUT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.doctor.commands import Commands
    from consumer.doctor.finding import Finding
    from consumer.kafka.inspection import TopicFacts
    from consumer.settings import TopicSettings

MESSAGE_BYTES = "max.message.bytes"
#: A dead letter is the event and headers about it.
DEAD_LETTER_HEADER_BYTES = 64 << 10

_FOREVER_MS = -1
_DAY_MS = 24 * 3_600_000
_COPIES_FOR_BOTH = 3
"""With two, either a broker may be down or an acknowledged record is safe, not both."""


def judge_configs(names: TopicSettings, there: Mapping[str, TopicFacts], commands: Commands) -> Iterator[Finding]:
    """Four checks over the topics that are there."""
    rows = (
        ("topic_max_message_bytes", _sizes, "outputs fit, and every event fits as a dead letter"),
        ("topic_delete_retention", _tombstones, "deletions are remembered for as long as dead letters are kept"),
        ("topic_cleanup_policy", _policies, "outputs are compacted, events and dead letters are not"),
        ("topic_min_insync", _in_sync, "fits the number of copies"),
    )
    topics = _Topics(names, there, commands)
    for check, row, fine in rows:
        judge = Judge(check, {name: facts.configs for name, facts in there.items()})
        faults = list(row(judge, topics))  # what could not be read is known once it was asked for
        yield from verdict(check, [*faults, *topics.untold(judge)], fine)


@dataclass(frozen=True, slots=True)
class _Topics:
    """What the checks are about."""

    names: TopicSettings
    there: Mapping[str, TopicFacts]
    commands: Commands

    @property
    def outputs(self) -> tuple[str, str]:
        return self.names.attributes, self.names.embeddings

    def set_config(self, topic: str, name: str, value: str | int) -> str:
        return self.commands.set_config(topic, name, value)

    def untold(self, judge: Judge) -> Iterator[Finding]:
        for topic, untold in judge.untold:
            allow = self.commands.allow("DESCRIBECONFIGS", "--topic", topic) if untold.is_forbidden else None
            yield judge.says(Status.UNKNOWN, f"{topic} could not be read: {untold.reason}", allow)


def _sizes(judge: Judge, topics: _Topics) -> Iterator[Finding]:
    config = MESSAGE_BYTES
    events, dead_letters = topics.names.events, topics.names.dead_letters
    event_bytes, dead_letter_bytes = judge.number(events, config), judge.number(dead_letters, config)
    if event_bytes is not None and dead_letter_bytes is not None:
        needed = event_bytes + DEAD_LETTER_HEADER_BYTES
        if dead_letter_bytes < needed:
            found = (
                f"{dead_letters} takes {dead_letter_bytes:,} bytes, {events} {event_bytes:,}: "
                "its largest events, with headers about what went wrong, would not fit"
            )
            yield judge.says(Status.FAILED, found, topics.set_config(dead_letters, config, needed))
    for topic in topics.outputs:
        output_bytes = judge.number(topic, config)
        if output_bytes is not None and output_bytes < OUTPUT_BYTES:
            found = f"{topic} takes {output_bytes:,} bytes: events with larger results become dead letters"
            yield judge.says(Status.WARNING, found, topics.set_config(topic, config, OUTPUT_BYTES))


def _tombstones(judge: Judge, topics: _Topics) -> Iterator[Finding]:
    dead_letters = topics.names.dead_letters
    kept_ms = judge.number(dead_letters, "retention.ms")
    if kept_ms is None:
        return
    risk = "a dead letter that is sent in again could bring back a deleted product"
    if kept_ms == _FOREVER_MS:
        advice = topics.set_config(dead_letters, "retention.ms", 30 * _DAY_MS)
        yield judge.says(Status.FAILED, f"{dead_letters} is kept for ever: {risk}", advice)
        return
    for topic in topics.outputs:
        gone_ms = judge.number(topic, "delete.retention.ms")
        if gone_ms is not None and gone_ms < kept_ms:
            found = f"{topic} forgets deletions after {_days(gone_ms)}, {dead_letters} is kept {_days(kept_ms)}: {risk}"
            yield judge.says(Status.FAILED, found, topics.set_config(topic, "delete.retention.ms", kept_ms))


def _policies(judge: Judge, topics: _Topics) -> Iterator[Finding]:
    names = topics.names
    lost_letters = "it takes dead letters away, and refuses those without a key"
    wanted = {
        names.events: (Status.WARNING, "delete", "events that a later one follows may go unseen"),
        **dict.fromkeys(topics.outputs, (Status.FAILED, "compact", "what is not sent again would vanish")),
        names.dead_letters: (Status.FAILED, "delete", lost_letters),
    }
    for topic, (status, policy, why) in wanted.items():
        found = judge.text(topic, "cleanup.policy")
        if found not in {None, policy}:
            words = f"cleanup.policy of {topic} is {found}, not {policy}: {why}"
            yield judge.says(status, words, topics.set_config(topic, "cleanup.policy", policy))


def _in_sync(judge: Judge, topics: _Topics) -> Iterator[Finding]:
    config = "min.insync.replicas"
    for topic, facts in topics.there.items():
        needed = judge.number(topic, config)
        if needed is None or facts.replication == 1:
            continue  # one copy is judged by itself
        has = f"{topic} has {facts.replication} copies and {config}={needed}"
        if needed >= facts.replication:
            found = f"{has}: one broker down stops every write"
            yield judge.says(Status.FAILED, found, topics.set_config(topic, config, facts.replication - 1))
        elif needed < MIN_IN_SYNC:
            found = f"{has}: a broker that is lost may take acknowledged records along"
            if facts.replication >= _COPIES_FOR_BOTH:
                yield judge.says(Status.FAILED, found, topics.set_config(topic, config, MIN_IN_SYNC))
            else:  # with two copies a higher number would stop every write when one broker is down
                yield judge.says(Status.WARNING, found, "add a third copy: kafka-reassign-partitions.sh")


def _days(milliseconds: int) -> str:
    return f"{milliseconds / _DAY_MS:g} days"
