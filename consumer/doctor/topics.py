# SPDX-License-Identifier: Apache-2.0
"""Whether the four topics are there, laid out alike, led and copied. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.doctor.finding import Finding, Status, verdict
from consumer.doctor.topic_configs import judge_configs
from consumer.kafka.inspection import Absent, TopicFacts, Untold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.doctor.commands import Commands
    from consumer.kafka.inspection import ClusterFacts
    from consumer.settings import TopicSettings

    Topics = Mapping[str, TopicFacts]

COPIES = 3
_PARTITIONS = 6


def judge_topics(names: TopicSettings, cluster: ClusterFacts, commands: Commands) -> Iterator[Finding]:
    """Every fault of the topics, and what could not be read; `ok` for each check without one."""
    there = {name: facts for name, facts in cluster.topics.items() if isinstance(facts, TopicFacts)}
    needed = _needed(names, there)
    brokers = len(cluster.brokers)
    yield from verdict("topics", _not_there(names, cluster, needed, commands), "all four are there")
    if not there:
        return
    yield from verdict(
        "topic_permissions", _forbidden(names, there, commands), "we may read the events and write the others"
    )
    yield from verdict("topic_partitions", _unequal(there, needed, commands), f"{needed} in each topic")
    yield from verdict("topic_leaders", _leaderless(there, commands), "every partition has one")
    fewest = min(facts.replication for facts in there.values())
    yield from verdict("topic_replication", _alone(there, brokers), f"copies: {fewest}; brokers: {brokers}")
    yield from judge_configs(names, there, commands)


def _needed(names: TopicSettings, there: Topics) -> int:
    """Partitions that all topics should have: those of the input, else of the widest that is there."""
    if (events := there.get(names.events)) is not None:
        return events.partitions
    return max((facts.partitions for facts in there.values()), default=_PARTITIONS)


def _not_there(names: TopicSettings, cluster: ClusterFacts, needed: int, commands: Commands) -> Iterator[Finding]:
    create = f"hangtag topics create --partitions {needed} --replication {min(COPIES, len(cluster.brokers))}"
    for name, facts in cluster.topics.items():
        if isinstance(facts, Absent):
            yield Finding("topics", Status.FAILED, f"there is no topic {name}", create)
        elif isinstance(facts, Untold) and not facts.is_forbidden:
            yield Finding("topics", Status.UNKNOWN, f"nothing is told of {name}: {facts.reason}")
        elif isinstance(facts, Untold):
            allow = commands.allow(_right(names, name), "--topic", name)  # seeing comes with it
            yield Finding("topics", Status.FAILED, f"we may not see {name} ({facts.reason})", allow)


def _forbidden(names: TopicSettings, there: Topics, commands: Commands) -> Iterator[Finding]:
    for name, facts in there.items():
        needed = _right(names, name)
        if facts.allowed is None:
            yield Finding("topic_permissions", Status.UNKNOWN, f"the brokers do not tell what we may do with {name}")
        elif needed not in facts.allowed:
            allow = commands.allow(needed, "--topic", name)
            yield Finding("topic_permissions", Status.FAILED, f"no ACL lets us {needed} {name}", allow)


def _right(names: TopicSettings, name: str) -> str:
    return "READ" if name == names.events else "WRITE"


def _unequal(there: Topics, needed: int, commands: Commands) -> Iterator[Finding]:
    for name, facts in there.items():
        found = f"{name} has {facts.partitions} partitions, not {needed}"
        if facts.partitions < needed:
            why = "a result goes to the number of its event's partition"
            add = commands.add_partitions(name, needed)
            yield Finding("topic_partitions", Status.FAILED, f"{found}: {why}", add)
        elif facts.partitions > needed:
            why = "nothing goes to the others, and readers that join by partition number find no match"
            advice = "a topic cannot lose partitions: create it anew with as many"
            yield Finding("topic_partitions", Status.WARNING, f"{found}: {why}", advice)


def _leaderless(there: Topics, commands: Commands) -> Iterator[Finding]:
    for name, facts in there.items():
        if facts.leaderless:
            found = f"partitions of {name} without a leader: {', '.join(map(str, facts.leaderless))}"
            yield Finding("topic_leaders", Status.FAILED, found, commands.show_leaderless(name))


def _alone(there: Topics, brokers: int) -> Iterator[Finding]:
    for name, facts in there.items():
        if facts.replication == 1 < brokers:
            found = f"{name} has one copy on a cluster of {brokers} brokers: with its broker goes the data"
            advice = f"kafka-reassign-partitions.sh, to {min(COPIES, brokers)} copies"
            yield Finding("topic_replication", Status.FAILED, found, advice)
