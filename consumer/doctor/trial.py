# SPDX-License-Identifier: Apache-2.0
"""A join and two transactions with the real settings: what reading configurations cannot prove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.doctor.finding import Finding, Status
from consumer.doctor.limits import METADATA_BYTES
from consumer.doctor.topic_configs import MESSAGE_BYTES
from consumer.kafka.broker import DEFAULT_MESSAGE_BYTES, DEFAULT_METADATA_BYTES, Limits
from consumer.kafka.inspection import TopicFacts, Untold
from consumer.kafka.rehearsal import Outcome, Proof, rehearsal, throw_away_prefix
from consumer.settings import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.doctor.commands import Commands
    from consumer.kafka.inspection import ClusterFacts
    from consumer.settings import Settings

#: Where neither the error nor its code names a setting.
_LOOK = "the brokers' logs of this moment, then section kafka of docs/settings.md"

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
    # One ACL for the throw-away id and for those of the slots, which cannot be tried: that would fence their processes.
    ids = f"{settings.kafka.group_id}-"
    allow_id = commands.allow("WRITE", "--transactional-id", ids, "--resource-pattern-type", "prefixed")
    limits = _limits(settings, cluster)
    with rehearsal(settings, limits, timeout_s) as member:
        yield _finding("join", member.join(), allow_group)
        if settings.engine.delivery is Delivery.EXACTLY_ONCE:
            yield _finding("transaction", member.transact(), allow_id)
            yield _finding("offsets", member.store_offsets(), allow_group)


def _finding(check: str, outcome: Outcome, allow: str) -> Finding:
    if outcome.proof is Proof.NOT_ALLOWED:
        return Finding(check, Status.UNKNOWN, f"our throw-away names are not allowed: {outcome.words}", allow)
    if outcome.proof is Proof.DISTURBED:
        found = "another doctor of this group took our transactional id, or the broker gave the transaction up"
        advice = "run hangtag doctor again, one of a group at a time"
        return Finding(check, Status.UNKNOWN, f"{found}: {outcome.words}", advice)
    status = _STATUS[outcome.proof]
    return Finding(check, status, outcome.words, outcome.advice or (_LOOK if status is Status.FAILED else None))


def _limits(settings: Settings, cluster: ClusterFacts) -> Limits:
    """Those that a worker would read, or assume where it is not told."""
    metadata = [
        int(configs.get(METADATA_BYTES, DEFAULT_METADATA_BYTES))
        for configs in cluster.brokers.values()
        if not isinstance(configs, Untold)
    ]
    sizes = {
        name: int(facts.configs.get(MESSAGE_BYTES, DEFAULT_MESSAGE_BYTES))
        for name, facts in cluster.topics.items()
        if name != settings.topics.events and isinstance(facts, TopicFacts) and not isinstance(facts.configs, Untold)
    }
    return Limits(min(metadata, default=DEFAULT_METADATA_BYTES), sizes)
