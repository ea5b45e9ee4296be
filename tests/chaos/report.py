# SPDX-License-Identifier: Apache-2.0
"""What a run did and how it came out, as JSON and as text."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.oracle import Verdict


@dataclass
class Report:
    """Figures of one run; `faults` is empty when every promise was kept and chaos really happened."""

    protocol: str
    seed: int
    events: int = 0
    aborted_input: int = 0
    seconds: float = 0
    kills: int = 0
    freezes: int = 0
    terms: int = 0
    joins: int = 0
    broker_faults: int = 0
    failpoints: dict[str, int] = field(default_factory=dict)
    takeovers_s: list[float] = field(default_factory=list)
    returns_s: list[float] = field(default_factory=list)
    """From the kill of a slot until it had partitions again; without those that waited for an heir."""
    exits: dict[str, int] = field(default_factory=dict)
    redone: int = 0
    already_done: int = 0
    bitmaps: int = 0
    largest_bitmap_bytes: int = 0
    aborts: dict[str, int] = field(default_factory=dict)
    left_open: int = 0
    """Processes that died with an open transaction."""
    rss_mib: dict[str, int] = field(default_factory=dict)
    verdict: Verdict | None = None
    faults: list[str] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        (folder / "report.json").write_text(json.dumps(asdict(self), indent=2) + "\n")
        (folder / "report.txt").write_text(self.text() + "\n")

    def text(self) -> str:
        takeovers = sorted(self.takeovers_s)
        back = f", killed slots back after {median(self.returns_s):.1f} s (median)" if self.returns_s else ""
        span = f" of {takeovers[0]:.1f}-{takeovers[-1]:.1f} s" if takeovers else ""
        return "\n  ".join(
            (
                f"{self.protocol}, seed {self.seed}: {self.events} events, {self.seconds:.0f} s",
                f"{self.kills} counted kills, {len(takeovers)} takeovers{span}{back}, failpoints {self.failpoints}",
                f"{self.freezes} freezes, {self.terms} terms, {self.joins} joins, {self.broker_faults} broker faults",
                f"exits {self.exits}, aborts {self.aborts}, died with an open transaction {self.left_open}",
                f"redone {self.redone}, already done {self.already_done}, aborted input records {self.aborted_input}",
                f"{self.bitmaps} bitmaps, the largest of {self.largest_bitmap_bytes} B, RSS {self.rss_mib} MiB",
                str(self.verdict),
                *(f"FAULT: {fault}" for fault in self.faults),
            )
        )


def sum_of(reports: list[Report]) -> str:
    """All runs in one line."""
    failpoints: Counter[str] = Counter()
    for report in reports:
        failpoints.update(report.failpoints)
    return (
        f"{len(reports)} runs: {sum(report.events for report in reports)} events, "
        f"{sum(report.kills for report in reports)} counted kills, "
        f"{sum(report.freezes + report.terms for report in reports)} freezes and terms, "
        f"{sum(len(report.takeovers_s) for report in reports)} takeovers, failpoints {dict(failpoints)}, "
        f"{sum(report.seconds for report in reports) / 60:.0f} min, "
        f"{sum(len(report.faults) for report in reports)} faults"
    )
