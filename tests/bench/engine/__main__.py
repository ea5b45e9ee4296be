# SPDX-License-Identifier: Apache-2.0
"""How many events a second the engine publishes exactly once, and what each costs: `make bench-engine`.

The real loop on a real broker with stub stages; broker and workers share this machine. Every output is read back and
held against the input. Figures, not judgements; `docs/benchmarks.md` keeps those of one machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import uuid
from dataclasses import asdict
from pathlib import Path

from consumer.kafka.topics import Layout, create_topics
from consumer.local.kafka import KafkaPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from consumer.settings import KafkaSettings, TopicSettings
from tests.bench.engine.measure import Figures, measure
from tests.bench.engine.plan import BACKLOGS, PEERS, ROWS, Row
from tests.bench.engine.stuck import Ages, measure_ages
from tests.bench.engine.topics import PARTITIONS, check_output, write_input

#: Of ages beside a stuck event and beside none, in turn: each takes more than a minute.
AGE_ROUNDS = 3


def fresh_topics(servers: str) -> TopicSettings:
    """The four topics, empty."""
    tag = uuid.uuid4().hex[:8]
    topics = TopicSettings(**{name: f"{name}-{tag}" for name in TopicSettings.model_fields})
    create_topics(KafkaSettings(bootstrap_servers=servers), topics, Layout(PARTITIONS, 1))
    return topics


def run(servers: str, row: Row) -> Figures:
    """One row on fresh topics, its outputs verified."""
    topics = fresh_topics(servers)
    write_input(servers, topics.events, row)
    figures = measure(servers, topics, row)
    check_output(servers, topics.attributes, row)
    say(
        f"{row.name}: {figures.per_second:,.0f} events/s, {figures.cpu_us:.1f} us CPU, {figures.peak_rss_mb:.0f} MB RSS"
    )
    return figures


def ages(servers: str, *, has_stuck: bool) -> Ages:
    """Of events beside a stuck one, or beside none."""
    found = measure_ages(servers, fresh_topics(servers), has_stuck=has_stuck)
    beside = "beside a stuck event" if has_stuck else "beside none that is stuck"
    say(f"age {beside}: median {found.median_ms:.0f}, p95 {found.p95_ms:.0f} ms, n = {found.events}")
    return found


def additions_s() -> float:
    """What ten million additions take: machines that others use as well are not equally fast all the time."""
    started_s = time.perf_counter()
    total = 0
    for number in range(10_000_000):
        total += number
    return time.perf_counter() - started_s


def say(line: str) -> None:
    """Progress, beside the results."""
    print(line, file=sys.stderr, flush=True)


def summary(row: Row, rounds: list[Figures]) -> dict[str, object]:
    """The row with the median of its rounds, and each of them."""
    return {
        "row": row.name,
        "events_per_s": round(statistics.median(figures.per_second for figures in rounds)),
        "cpu_us_per_event": round(statistics.median(figures.cpu_us for figures in rounds), 1),
        "peak_rss_mb": round(max(figures.peak_rss_mb for figures in rounds)),
        "peak_held_mb": round(max(figures.peak_held_mb for figures in rounds)),
        "rounds": [asdict(figures) for figures in rounds],
        **asdict(row),
    }


def table(results: list[dict[str, object]]) -> str:
    """The results as Markdown."""
    lines = [
        "| engine, work and load | events/s | CPU per event, us | peak RSS, MB | rounds |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        rounds = result["rounds"]
        assert isinstance(rounds, list)
        lines.append(
            f"| {result['row']} | {result['events_per_s']:,} | {result['cpu_us_per_event']} | "
            f"{result['peak_rss_mb']} | {len(rounds)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure the rows, memory, ages beside a stuck event, then ours and the peers in turn; JSON on stdout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of the comparison with peers")
    parser.add_argument("--only", choices=("rows", "backlogs", "stuck", "peers"), help="one part instead of all")
    arguments = parser.parse_args()
    parts = {arguments.only} if arguments.only else {"rows", "backlogs", "stuck", "peers"}
    with (
        tempfile.TemporaryDirectory(prefix="bench-engine-") as folder,
        Starting(KafkaPart(Path(folder), print), PortBook(Path(folder) / "ports.json")) as starting,
    ):
        servers = starting.wait().bootstrap_servers
        rows = (*(ROWS if "rows" in parts else ()), *(BACKLOGS if "backlogs" in parts else ()))
        results = [summary(row, [run(servers, row)]) for row in rows]
        turns = (False, True) * AGE_ROUNDS if "stuck" in parts else ()
        stuck = [ages(servers, has_stuck=has_stuck) for has_stuck in turns]
        rounds = [[run(servers, row) for row in PEERS] for _ in range(arguments.rounds)] if "peers" in parts else []
    results += [summary(row, [of_row[place] for of_row in rounds]) for place, row in enumerate(PEERS) if rounds]
    report = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "additions_s": [round(additions_s(), 2) for _ in range(3)],
        "results": results,
        "ages": {
            "beside_none": [asdict(found) for found in stuck[::2]],
            "beside_stuck": [asdict(found) for found in stuck[1::2]],
        },
    }
    print(json.dumps(report))
    say(table(results))


if __name__ == "__main__":
    main()
