# SPDX-License-Identifier: Apache-2.0
"""Chaos at full length, on a broker of its own: `python -m tests.chaos`. Exit code 1 when a promise was broken.

Ends with 0 only if nothing was lost, repeated or reordered, nothing was left behind, and chaos really happened. A run
that fails keeps its timeline, its logs and its report, and says where. The same seed deals the same faults again, at
moments that the machine decides.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import asdict
from pathlib import Path

from tests.chaos.broker import Broker
from tests.chaos.protocols import PROTOCOLS
from tests.chaos.report import Report, sum_of
from tests.chaos.run import staged
from tests.chaos.scenario import FULL_DECK, Scenario, scaled

#: Of each protocol; the matrix has to see 300,000.
EVENTS = 80_000


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m tests.chaos",
        description="Faults against real workers on a real Kafka, judged by an oracle.",
        epilog="example: python -m tests.chaos --seed 7 --protocol kip-848 --scale 0.1 --events 15000",
    )
    parser.add_argument("--seed", type=int, help="what is done, and when; drawn and printed if not given")
    parser.add_argument("--protocol", action="append", choices=PROTOCOLS, help="may be repeated; default: all")
    parser.add_argument("--events", type=int, default=EVENTS, help="committed input events per protocol")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full number of faults, rounded up")
    parser.add_argument("--folder", type=Path, help="where to keep timelines, logs and reports, whatever the outcome")
    parser.add_argument(
        "--frontier-only", action="store_true", help="for comparison: a broker that takes no bitmaps, so without them"
    )
    parser.add_argument("--output", choices=("text", "json"), default="text")
    return parser.parse_args()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def play(scenario: Scenario, folder: Path) -> Report:
    """One run; what stops it before its end is a fault too."""
    try:
        with (
            Broker(folder / "broker", scenario.broker_properties) as broker,
            staged(scenario, broker.kafka, folder, broker) as run,
        ):
            return run.play(lambda line: say(f"{scenario.protocol:18} {line}"))
    except Exception as error:  # noqa: BLE001 - a deadline, a broker that does not start: the next protocol still runs
        (folder / "failure.txt").write_text(traceback.format_exc())
        return Report(scenario.protocol, scenario.seed, faults=[f"the run did not come to its end: {error!r}"])


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends broker and workers on its way
    asked = options()
    seed = int(time.time()) % 1_000_000 if asked.seed is None else asked.seed
    root = asked.folder or Path(tempfile.mkdtemp(prefix="hangtag-chaos-"))
    deck = scaled(FULL_DECK, asked.scale)
    reports = []
    for protocol in asked.protocol or PROTOCOLS:
        folder = root / f"{protocol}-{seed}"
        folder.mkdir(parents=True)
        report = play(Scenario(protocol, seed, asked.events, deck, is_frontier_only=asked.frontier_only), folder)
        reports.append(report)
        say(report.text())
        if report.faults:
            say(f"timeline and logs: {folder}")
        elif asked.folder is None:
            shutil.rmtree(folder)
    if not any(root.iterdir()):
        root.rmdir()
    print(json.dumps([asdict(report) for report in reports]) if asked.output == "json" else sum_of(reports))
    return int(any(report.faults for report in reports))


if __name__ == "__main__":
    sys.exit(main())
