# SPDX-License-Identifier: Apache-2.0
"""How fast a vendor's table becomes events on a real broker, and in how much memory: `make bench-feed`.

Bar: 5,000 rows a second and less than 300 MB. Exit code 1 below it.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from consumer.kafka.topics import Layout, create_topics
from consumer.local.kafka import KafkaPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from consumer.settings import KafkaSettings, TopicSettings

ROWS = int(os.environ.get("ROWS", "1000000"))
MIN_ROWS_PER_S = 5_000
MAX_RSS_MB = 300

COLOURS = ("Navy Blue", "Black", "Off White", "Red", "Grün", "Beige")
KINDS = ("Shirt", "Jeans", "Summer Dress", "Running Shoe", "Handbag")
MAPPING = """
[fields]
sku = "id"
title = "productDisplayName"
description = "text"
image_urls = "images"
vendor_category = "articleType"
vendor_attributes.color = "baseColour"
vendor_attributes.gender = "gender"
price.amount = "mrp"

[constants]
brand = "Acme"
price.currency = "EUR"

[lists]
image_urls = "|"
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one command took."""

    seconds: float
    cpu_s: float
    rss_mb: float
    counts: dict[str, Any]


def write_feed(path: Path, rows: int) -> None:
    """A table as a vendor exports it: quotes, umlauts, two images, a text of 200 characters."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["id", "productDisplayName", "text", "images", "articleType", "baseColour", "gender", "mrp", "stock"]
        )
        for number in range(rows):
            kind, colour = KINDS[number % len(KINDS)], COLOURS[number % len(COLOURS)]
            image = f"https://images.example/{number // 1000}/{number}"
            title = f'{colour} {kind} "No. {number}", men'
            text = f"{title}: for every day of the week, and for those that are none. " * 3
            row = [number, title, text, f"{image}-1.jpg|{image}-2.jpg", kind, colour, "Men", f"{number % 200}.90", 3]
            writer.writerow(row)


def run(command: list[str], environment: dict[str, str], output: Path) -> Spent:
    """Run it to its end; its standard output is one line of JSON."""
    started = time.monotonic()
    to_file = (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    process = os.posix_spawn(command[0], command, environment, file_actions=[to_file])
    _, status, usage = os.wait4(process, 0)
    seconds = time.monotonic() - started
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{' '.join(command)} failed")
    counts = json.loads(output.read_text())
    return Spent(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, counts)


def show(what: str, spent: Spent) -> None:
    """One line."""
    counts = {name: spent.counts[name] for name in ("rows", "events", "unchanged", "bad")}
    print(
        f"{what}: {ROWS / spent.seconds:,.0f} rows/s ({spent.seconds:.1f} s, {spent.cpu_s:.1f} s CPU), "
        f"{spent.rss_mb:.0f} MB RSS, {counts}",
        flush=True,
    )


def events_in_topic(servers: str) -> int:
    """Records that the broker has, by its own offsets."""
    topic = TopicSettings().events
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "bench-feed"})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10) for number in partitions]
    finally:
        consumer.close()
    return sum(high - low for low, high in ends)


def main() -> None:
    """Push one large table three ways: plainly, remembering it, and again with nothing changed."""
    with tempfile.TemporaryDirectory(prefix="bench-feed-") as name:
        folder = Path(name)
        table, mapping = folder / "acme.csv", folder / "acme.toml"
        write_feed(table, ROWS)
        mapping.write_text(MAPPING)
        size_mb = table.stat().st_size / 1e6
        print(f"{ROWS:,} rows, {size_mb:.0f} MB; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        hangtag = str(Path(sys.executable).with_name("hangtag"))
        push = [hangtag, "feed", "push", str(table), "--format", "csv", "--mapping", str(mapping), "--vendor", "acme"]
        push += ["--state", str(folder / "state"), "--output", "json"]
        with Starting(KafkaPart(folder / "kafka", print), PortBook(folder / "ports.json")) as starting:
            servers = starting.wait().bootstrap_servers
            create_topics(KafkaSettings(bootstrap_servers=servers), TopicSettings(), Layout(6, 1))
            environment = os.environ | {"HANGTAG_KAFKA__BOOTSTRAP_SERVERS": servers}
            plain = run(push, environment, folder / "out")
            show("push", plain)
            arrived = events_in_topic(servers)
            print(f"events in the topic: {arrived:,}", flush=True)
            show("push --changed-only, first", run([*push, "--changed-only"], environment, folder / "out"))
            show("push --changed-only, again", run([*push, "--changed-only"], environment, folder / "out"))
    is_whole = arrived == plain.counts["events"] == ROWS
    if not is_whole or ROWS / plain.seconds < MIN_ROWS_PER_S or plain.rss_mb > MAX_RSS_MB:
        sys.exit(1)


if __name__ == "__main__":
    main()
