# SPDX-License-Identifier: Apache-2.0
"""A join and two transactions with the real settings: what reading configurations cannot prove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.doctor.finding import Finding, Status
from consumer.kafka.broker import DEFAULT_METADATA_BYTES, Limits
from consumer.kafka.inspection import TopicFacts
from consumer.kafka.rehearsal import Outcome, Proof, rehearsal, throw_away_prefix
from consumer.settings import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.doctor.commands import Commands
    from consumer.kafka.inspection import ClusterFacts
    from consumer.settings import Settings

_STATUS = {
    Proof.WORKS: Status.OK,
    Proof.REFUSED: Status.FAILED,
    Proof.NO_ANSWER: Status.FAILED,
    Proof.NOT_TRIED: Status.UNKNOWN,
    Proof.NOT_ALLOWED: Status.UNKNOWN,
}


def try_out(settings: Settings, cluster: ClusterFacts, commands: Commands, timeout_s: float) -> Iterator[Finding]:
    """Join, read, commit and abort as a worker would, under throw-away names. Raises SettingsInvalid."""
    prefix = throw_away_prefix(settings)
    allow_group = commands.allow("READ", "--group", prefix, "--resource-pattern-type", "prefixed")
    allow_id = commands.allow("WRITE", "--transactional-id", prefix, "--resource-pattern-type", "prefixed")
    with rehearsal(settings, _limits(settings, cluster), timeout_s) as member:
        yield _finding("join", member.join(), allow_group)
        if settings.engine.delivery is Delivery.EXACTLY_ONCE:
            # The brokers' limit is exclusive.
            empty, stored = member.transact(DEFAULT_METADATA_BYTES - 1)
            yield _finding("transaction", empty, allow_id)
            yield _finding("offsets", stored, allow_group)


def _finding(check: str, outcome: Outcome, allow: str) -> Finding:
    if outcome.proof is Proof.NOT_ALLOWED:
        return Finding(check, Status.UNKNOWN, f"our throw-away names are not allowed: {outcome.words}", allow)
    return Finding(check, _STATUS[outcome.proof], outcome.words, outcome.advice)


def _limits(settings: Settings, cluster: ClusterFacts) -> Limits:
    """Those that a worker would read."""
    sizes = {}
    for name, facts in cluster.topics.items():
        if name != settings.topics.events and isinstance(facts, TopicFacts) and isinstance(facts.configs, dict):
            sizes[name] = int(facts.configs["max.message.bytes"])
    return Limits(message_bytes=sizes)
