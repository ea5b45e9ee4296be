# SPDX-License-Identifier: Apache-2.0
"""Reads the figures of a run from its timeline, tallies and logs, and says what is wrong with them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from tests.chaos.bounds import Bounds
from tests.chaos.cards import FREEZE_BEFORE_OFFSETS
from tests.chaos.failpoints import Failpoint

if TYPE_CHECKING:
    from tests.chaos.crew import Crew
    from tests.chaos.report import Report
    from tests.chaos.scenario import Scenario

#: What a process may have grown by between its first assignment and the end of all work.
GROWTH_MIB = 96
#: In the log: a transaction that was tried again, and one that ended its process. Other ends are none of a transaction:
#: a generation that was over may be heard of while polling, and committed offsets may stay away.
_TRIED_AGAIN = re.compile(r'"error": "(\w+)[^"]*".*"event": "transaction_aborted"')
_ENDED = re.compile(r"^(?:Fenced|StaleGeneration)\([^(]*\((\w+): Failed to [^:]*\btransaction\b", re.MULTILINE)
_HUNG = re.compile(r"^StaleGeneration\(.the client has (not come back) from sending offsets", re.MULTILINE)


def count(report: Report, crew: Crew) -> None:
    """Fill in what was done and what happened."""
    timeline = crew.timeline
    report.seconds = round(timeline.now_s, 1)
    report.kills = len(timeline.of("kill"))
    report.freezes, report.terms, report.joins = (len(timeline.of(what)) for what in ("freeze", "term", "join"))
    report.broker_faults = sum(entry["what"].startswith("broker") for entry in timeline.entries)
    report.failpoints = dict(Counter(entry["point"] for entry in timeline.of("failpoint")))
    report.takeovers_s, report.returns_s = (
        [entry["seconds"] for entry in timeline.of(what)] for what in ("takeover", "return")
    )
    report.exits = dict(Counter(str(entry["code"]) for entry in timeline.of("exit")))
    report.left_open = sum(entry["in_transaction"] for entry in timeline.of("exit"))
    report.redone = crew.total("started") - report.events
    report.already_done, report.bitmaps = crew.total("already_done"), crew.total("bitmaps")
    report.largest_bitmap_bytes = max(slot.tally.get("largest_bitmap") for slot in crew.slots)
    report.aborts = dict(Counter(cause for log in _logs(crew).values() for cause in aborts_in(log)))


def aborts_in(log: str) -> list[str]:
    """The cause of each transaction that did not commit though its process lived."""
    return [cause for pattern in (_TRIED_AGAIN, _ENDED, _HUNG) for cause in pattern.findall(log)]


def faults_of(report: Report, scenario: Scenario, crew: Crew) -> list[str]:
    """Broken promises, tracebacks, exits and waits beyond their bounds, memory that did not come back."""
    assert report.verdict is not None
    found = [] if report.verdict.is_clean else [str(report.verdict)]
    found += [f"a traceback in the log of slot {name}" for name, log in _logs(crew).items() if "Traceback" in log]
    if (grown := report.rss_mib["end"] - report.rss_mib["start"]) > GROWTH_MIB:
        found.append(f"resident memory grew by {grown} MiB")
    return found + Bounds(scenario, crew.timeline).faults()


def missing_chaos(report: Report, scenario: Scenario) -> list[str]:
    """What was to happen, and did not: such a run proves nothing. One without faults promises none."""
    if not scenario.deck:
        return []
    deck = Counter(scenario.deck)
    done = {
        "kills": report.kills - deck["kill"] - deck["takeover"],
        "takeovers": len(report.takeovers_s) - deck["takeover"] - deck[Failpoint.COMMITTED_WAIT.label],
        "freezes": report.freezes - sum(number for name, number in deck.items() if name.startswith("freeze")),
        "terms": report.terms - deck["term"],
        "joins": report.joins - deck["join and leave"],
        "broker faults": report.broker_faults - sum(deck[name] for name in deck if name.startswith("broker")),
        "events": report.events - scenario.events,
        # A death at a failpoint leaves one open. A process whose session ends in the middle of one must abort it.
        "transactions left open": report.left_open - sum(deck[point.label] for point in Failpoint),
        "aborted transactions": sum(report.aborts.values()) - deck[FREEZE_BEFORE_OFFSETS],
    }
    done |= {point.label: report.failpoints.get(point.label, 0) - deck[point.label] for point in Failpoint}
    seen = {"redone work": report.redone, "aborted input": report.aborted_input}
    if not scenario.is_frontier_only:
        seen |= {"records passed over as done": report.already_done, "bitmaps": report.bitmaps}
    lacking = [what for what, surplus in done.items() if surplus < 0] + [what for what, n in seen.items() if n <= 0]
    return [f"too little chaos: {what}" for what in lacking]


def _logs(crew: Crew) -> dict[str, str]:
    return {slot.name: slot.log.read_text(errors="replace") for slot in crew.slots if slot.lives}
