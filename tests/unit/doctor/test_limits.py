# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consumer.doctor.finding import Status
from consumer.doctor.limits import judge_limits
from consumer.kafka.inspection import Untold
from consumer.settings import load_settings
from tests.unit.doctor.healthy import BROKER, COMMANDS

if TYPE_CHECKING:
    from consumer.doctor.finding import Finding
    from consumer.kafka.inspection import Configs


def judged(second: Configs | Untold | None = None, **sections: Any) -> dict[str, Finding]:
    """By check; the second of two brokers may be another."""
    brokers = {1: BROKER, 2: BROKER if second is None else second}
    return {finding.check: finding for finding in judge_limits(load_settings(**sections), brokers, COMMANDS)}


def test_kafkas_own_limits_are_fine_for_our_defaults() -> None:
    findings = judged()

    assert {check: finding.status for check, finding in findings.items()} == dict.fromkeys(
        ("session_timeout", "offset_metadata", "transaction_timeout", "transaction_sweep"), Status.OK
    )


@pytest.mark.parametrize(
    ("session_s", "advice"),
    [
        (3, "HANGTAG_KAFKA__SESSION_TIMEOUT_S=6, or change group.min.session.timeout.ms"),
        (1800, "HANGTAG_KAFKA__SESSION_TIMEOUT_S=1200, or change group.max.session.timeout.ms"),
    ],
)
def test_a_session_outside_of_the_strictest_brokers_range_fails(session_s: int, advice: str) -> None:
    strict = BROKER | {"group.max.session.timeout.ms": "1200000"}

    finding = judged(strict, kafka={"session_timeout_s": session_s})["session_timeout"]

    assert finding.status is Status.FAILED
    assert f"ours is {session_s:,} s, the brokers take 6 s to 1,200 s" in finding.found
    assert finding.advice is not None
    assert finding.advice.startswith(advice)


def test_with_the_consumer_protocol_our_session_is_not_judged() -> None:
    kafka = {"session_timeout_s": 1, "properties": {"group.protocol": "consumer"}}

    finding = judged(kafka=kafka)["session_timeout"]

    assert finding.status is Status.OK
    assert "45 s by the brokers' group.consumer.session.timeout.ms" in finding.found


def test_a_transaction_longer_than_the_brokers_allow_fails() -> None:
    strict = BROKER | {"transaction.max.timeout.ms": "20000"}

    finding = judged(strict)["transaction_timeout"]

    assert finding.status is Status.FAILED
    assert finding.advice is not None
    assert finding.advice.startswith("HANGTAG_KAFKA__TRANSACTION_TIMEOUT_S=20, ")


@pytest.mark.parametrize(("interval_ms", "status"), [(10_000, "ok"), (30_000, "warning"), (30_001, "failed")])
def test_a_slow_sweep_of_transactions_is_fine_until_a_new_owner_gives_up(interval_ms: int, status: str) -> None:
    slow = BROKER | {"transaction.abort.timed.out.transaction.cleanup.interval.ms": str(interval_ms)}

    assert judged(slow)["transaction_sweep"].status == status


def test_a_small_limit_of_offset_metadata_is_a_warning() -> None:
    assert judged(BROKER | {"offset.metadata.max.bytes": "1024"})["offset_metadata"].status is Status.WARNING


def test_without_transactions_their_limits_do_not_matter() -> None:
    findings = judged(BROKER | {"transaction.max.timeout.ms": "1"}, engine={"delivery": "at_least_once"})

    assert set(findings) == {"session_timeout", "offset_metadata"}


def test_limits_that_no_broker_tells_are_unknown() -> None:
    brokers = {1: Untold("not authorised", is_forbidden=True), 2: Untold("not authorised", is_forbidden=True)}

    findings = list(judge_limits(load_settings(), brokers, COMMANDS))

    assert [finding.status for finding in findings] == [Status.UNKNOWN] * 4
    assert all("not authorised" in finding.found for finding in findings)
    assert all("DESCRIBECONFIGS --cluster" in (finding.advice or "") for finding in findings)


def test_a_limit_that_a_broker_leaves_out_is_unknown_beside_what_the_others_say() -> None:
    silent = {name: value for name, value in BROKER.items() if name != "offset.metadata.max.bytes"}

    findings = list(judge_limits(load_settings(), {1: BROKER, 2: silent}, COMMANDS))

    told = [finding.status for finding in findings if finding.check == "offset_metadata"]
    assert told == [Status.OK, Status.UNKNOWN]
