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
import uuid
from dataclasses import asdict
from pathlib import Path

from consumer.kafka.topics import Layout, create_topics
from consumer.local.kafka import KafkaPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from consumer.settings import KafkaSettings, TopicSettings
from tests.bench.engine.measure import Figures, measure
from tests.bench.engine.plan import PEERS, ROWS, Row
from tests.bench.engine.topics import PARTITIONS, check_output, write_input


def run(servers: str, row: Row) -> Figures:
    """One row on fresh topics, its outputs verified."""
    tag = uuid.uuid4().hex[:8]
    topics = TopicSettings(**{name: f"{name}-{tag}" for name in TopicSettings.model_fields})
    create_topics(KafkaSettings(bootstrap_servers=servers), topics, Layout(PARTITIONS, 1))
    write_input(servers, topics.events, row)
    figures = measure(servers, topics, row)
    check_output(servers, topics.attributes, row)
    print(f"{row.name}: {figures.per_second:,.0f} events/s, {figures.cpu_us:.1f} us CPU", file=sys.stderr, flush=True)
    return figures


def summary(row: Row, rounds: list[Figures]) -> dict[str, object]:
    """The row with the median of its rounds, and each of them."""
    return {
        "row": row.name,
        "events_per_s": round(statistics.median(figures.per_second for figures in rounds)),
        "cpu_us_per_event": round(statistics.median(figures.cpu_us for figures in rounds), 1),
        "rounds": [asdict(figures) for figures in rounds],
        **asdict(row),
    }


def table(results: list[dict[str, object]]) -> str:
    """The results as Markdown."""
    lines = ["| engine, work and load | events/s | CPU per event, us | rounds |", "|---|---|---|---|"]
    for result in results:
        rounds = result["rounds"]
        assert isinstance(rounds, list)
        lines.append(f"| {result['row']} | {result['events_per_s']:,} | {result['cpu_us_per_event']} | {len(rounds)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure the rows, then ours and the peers in turn; JSON on stdout, the table beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of the comparison with peers")
    parser.add_argument("--only", default="", help="rows whose name has this in it")
    arguments = parser.parse_args()
    rows = [row for row in ROWS if arguments.only in row.name]
    peers = [row for row in PEERS if arguments.only in row.name]
    with (
        tempfile.TemporaryDirectory(prefix="bench-engine-") as folder,
        Starting(KafkaPart(Path(folder), print), PortBook(Path(folder) / "ports.json")) as starting,
    ):
        servers = starting.wait().bootstrap_servers
        results = [summary(row, [run(servers, row)]) for row in rows]
        rounds = [[run(servers, row) for row in peers] for _ in range(arguments.rounds)]
    results += [summary(row, [of_row[place] for of_row in rounds]) for place, row in enumerate(peers) if rounds]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(json.dumps({"machine": machine, "results": results}))
    print(table(results), file=sys.stderr)


if __name__ == "__main__":
    main()
