# SPDX-License-Identifier: Apache-2.0
"""Whether the brokers take our timeouts and metadata. Pure.

Of all brokers the strictest counts, since any of them may come to coordinate us.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from consumer.doctor.finding import Finding, Status
from consumer.kafka.broker import DEFAULT_METADATA_BYTES
from consumer.kafka.inspection import Untold
from consumer.settings import TRANSACTION_SWEEP_S, Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.doctor.commands import Commands
    from consumer.kafka.inspection import Configs
    from consumer.settings import Settings

MIN_SESSION = "group.min.session.timeout.ms"
MAX_SESSION = "group.max.session.timeout.ms"
CONSUMER_SESSION = "group.consumer.session.timeout.ms"
MAX_TRANSACTION = "transaction.max.timeout.ms"
METADATA_BYTES = "offset.metadata.max.bytes"
SWEEP = "transaction.abort.timed.out.transaction.cleanup.interval.ms"


def judge_limits(settings: Settings, brokers: Mapping[int, Configs | Untold], commands: Commands) -> Iterator[Finding]:
    """A finding for each limit, and one for each that could not be read."""
    rows = [("session_timeout", _session), ("offset_metadata", _metadata)]
    if settings.engine.delivery is Delivery.EXACTLY_ONCE:
        rows += [("transaction_timeout", _transaction), ("transaction_sweep", _sweep)]
    for check, row in rows:
        judge = _Judge(check, settings, brokers)
        yield from row(judge)
        for untold in sorted(judge.untold, key=attrgetter("reason")):
            allow = commands.allow("DESCRIBECONFIGS", "--cluster") if untold.is_forbidden else None
            yield Finding(check, Status.UNKNOWN, f"could not be read: {untold.reason}", allow)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Reads limits for one check, and remembers what it was not told."""

    check: str
    settings: Settings
    brokers: Mapping[int, Configs | Untold]
    untold: set[Untold] = field(default_factory=set)

    def values(self, name: str) -> list[int]:
        """The limit of each broker that tells."""
        values = []
        for configs in self.brokers.values():
            if isinstance(configs, Untold):
                self.untold.add(configs)
            elif name not in configs:
                self.untold.add(Untold(f"the broker does not tell {name}"))
            else:
                values.append(int(configs[name]))
        return values

    def says(self, status: Status, found: str, advice: str | None = None) -> Finding:
        return Finding(self.check, status, found, advice)


def _session(judge: _Judge) -> Iterator[Finding]:
    kafka = judge.settings.kafka
    if kafka.uses_consumer_protocol:
        if theirs := judge.values(CONSUMER_SESSION):
            yield judge.says(Status.OK, f"{_seconds(max(theirs))} by the brokers' {CONSUMER_SESSION}")
        return
    lowest, highest = judge.values(MIN_SESSION), judge.values(MAX_SESSION)
    if not lowest or not highest:
        return
    ours_ms, least_ms, most_ms = kafka.session_timeout_s * 1000, max(lowest), min(highest)
    found = f"ours is {_seconds(ours_ms)}, the brokers take {_seconds(least_ms)} to {_seconds(most_ms)}"
    if least_ms <= ours_ms <= most_ms:
        yield judge.says(Status.OK, found)
        return
    bound_ms, limit = (least_ms, MIN_SESSION) if ours_ms < least_ms else (most_ms, MAX_SESSION)
    set_ours = _set("KAFKA__SESSION_TIMEOUT_S", bound_ms)
    advice = f"{set_ours}, or change {limit} in every broker's server.properties and restart it"
    yield judge.says(Status.FAILED, f"{found}: no worker could join its group", advice)


def _metadata(judge: _Judge) -> Iterator[Finding]:
    if not (limits := judge.values(METADATA_BYTES)):
        return
    found = f"{min(limits):,} bytes per partition"
    if min(limits) >= DEFAULT_METADATA_BYTES:
        yield judge.says(Status.OK, found)
        return
    advice = f"{METADATA_BYTES}={DEFAULT_METADATA_BYTES} in every broker's server.properties, and restart it"
    yield judge.says(Status.WARNING, f"{found}: one slow event stops its partition's intake earlier", advice)


def _transaction(judge: _Judge) -> Iterator[Finding]:
    if not (limits := judge.values(MAX_TRANSACTION)):
        return
    ours_ms, most_ms = judge.settings.kafka.transaction_timeout_s * 1000, min(limits)
    found = f"ours is {_seconds(ours_ms)}, the brokers take up to {_seconds(most_ms)}"
    if ours_ms <= most_ms:
        yield judge.says(Status.OK, found)
        return
    advice = f"{_set('KAFKA__TRANSACTION_TIMEOUT_S', most_ms)}, or raise the brokers' {MAX_TRANSACTION}"
    yield judge.says(Status.FAILED, f"{found}: no transaction could begin", advice)


def _sweep(judge: _Judge) -> Iterator[Finding]:
    if not (intervals := judge.values(SWEEP)):
        return
    interval_s = max(intervals) / 1000
    found = f"abandoned transactions end up to {interval_s:g} s after their timeout"
    if interval_s <= TRANSACTION_SWEEP_S:
        yield judge.says(Status.OK, found)
        return
    advice = f"{SWEEP}={TRANSACTION_SWEEP_S * 1000:.0f} in every broker's server.properties, and restart it"
    patience_s = judge.settings.kafka.committed_wait_s
    if judge.settings.kafka.transaction_timeout_s + interval_s <= patience_s:
        yield judge.says(Status.WARNING, f"{found}: a takeover takes that much longer", advice)
    else:
        words = f"{found}: a new owner waits {patience_s:g} s for them, then starts anew, again and again"
        yield judge.says(Status.FAILED, words, advice)


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:,g} s"


def _set(name: str, milliseconds: float) -> str:
    return f"HANGTAG_{name}={milliseconds / 1000:g}"
