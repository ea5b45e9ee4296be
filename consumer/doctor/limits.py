# SPDX-License-Identifier: Apache-2.0
"""Whether the brokers take our timeouts and metadata. Pure.

Of all brokers the strictest counts, since any of them may come to coordinate us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.doctor.finding import Status
from consumer.doctor.judge import Judge
from consumer.kafka.broker import DEFAULT_METADATA_BYTES
from consumer.settings import TRANSACTION_SWEEP_S, Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.doctor.commands import Commands
    from consumer.doctor.finding import Finding
    from consumer.kafka.inspection import Configs, Untold
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
        judge = Judge(check, {f"broker {number}": configs for number, configs in brokers.items()})
        yield from row(judge, settings)
        for untold in dict.fromkeys(untold for _, untold in judge.untold):
            allow = commands.allow("DESCRIBECONFIGS", "--cluster") if untold.is_forbidden else None
            yield judge.says(Status.UNKNOWN, f"could not be read: {untold.reason}", allow)


def _session(judge: Judge, settings: Settings) -> Iterator[Finding]:
    kafka = settings.kafka
    if kafka.uses_consumer_protocol:
        if theirs := judge.numbers(CONSUMER_SESSION):
            yield judge.says(Status.OK, f"{_seconds(max(theirs))} by the brokers' {CONSUMER_SESSION}")
        return
    lowest, highest = judge.numbers(MIN_SESSION), judge.numbers(MAX_SESSION)
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


def _metadata(judge: Judge, _: Settings) -> Iterator[Finding]:
    if not (limits := judge.numbers(METADATA_BYTES)):
        return
    found = f"{min(limits):,} bytes per partition"
    if min(limits) >= DEFAULT_METADATA_BYTES:
        yield judge.says(Status.OK, found)
        return
    advice = f"{METADATA_BYTES}={DEFAULT_METADATA_BYTES} in every broker's server.properties, and restart it"
    yield judge.says(Status.WARNING, f"{found}: one slow event stops its partition's intake earlier", advice)


def _transaction(judge: Judge, settings: Settings) -> Iterator[Finding]:
    if not (limits := judge.numbers(MAX_TRANSACTION)):
        return
    ours_ms, most_ms = settings.kafka.transaction_timeout_s * 1000, min(limits)
    found = f"ours is {_seconds(ours_ms)}, the brokers take up to {_seconds(most_ms)}"
    if ours_ms <= most_ms:
        yield judge.says(Status.OK, found)
        return
    advice = f"{_set('KAFKA__TRANSACTION_TIMEOUT_S', most_ms)}, or raise the brokers' {MAX_TRANSACTION}"
    yield judge.says(Status.FAILED, f"{found}: no transaction could begin", advice)


def _sweep(judge: Judge, settings: Settings) -> Iterator[Finding]:
    if not (intervals := judge.numbers(SWEEP)):
        return
    interval_s = max(intervals) / 1000
    found = f"abandoned transactions end up to {interval_s:g} s after their timeout"
    if interval_s <= TRANSACTION_SWEEP_S:
        yield judge.says(Status.OK, found)
        return
    advice = f"{SWEEP}={TRANSACTION_SWEEP_S * 1000:.0f} in every broker's server.properties, and restart it"
    patience_s = settings.kafka.committed_wait_s
    if settings.kafka.transaction_timeout_s + interval_s <= patience_s:
        yield judge.says(Status.WARNING, f"{found}: a takeover takes that much longer", advice)
    else:
        words = f"{found}: a new owner waits {patience_s:g} s for them, then starts anew, again and again"
        yield judge.says(Status.FAILED, words, advice)


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:,g} s"


def _set(name: str, milliseconds: float) -> str:
    return f"HANGTAG_{name}={milliseconds / 1000:g}"
