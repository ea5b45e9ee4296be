# SPDX-License-Identifier: Apache-2.0
"""What one bad image host does to products that have no picture there: `make bench-hosts`.

The real loop on a real broker with the real second stage. Every product has two pictures; of every second one the
second picture is on the bad host. Ages are those of an open loop, from the moment for which an event was scheduled to
the one at which a reader of committed records has its output, from the very first event on.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, Producer, TopicPartition

from consumer.kafka.topics import Layout, create_topics
from consumer.local.kafka import KafkaPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from consumer.settings import KafkaSettings, TopicSettings
from tests.bench.engine.measure import ROOT, Process
from tests.bench.engine.plan import Engine, Plan, Work
from tests.bench.engine.topics import PARTITIONS
from tests.bench.hosts.host import ADDRESS, Manner
from tests.bench.product import photo

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = (600, 800)
#: A worker that has not started yet makes the first events old in every round alike.
WARM_UP_S = 5.0
#: After the last event was due: time for what waits at the bad host.
REST_S = 120.0


@dataclass(frozen=True, slots=True)
class Load:
    """Events a second for so long; 0 means all at once, a backlog."""

    per_second: float
    events: int


@dataclass(frozen=True, slots=True)
class Found:
    """Of products without a picture on the bad host."""

    median_s: float
    p95_s: float
    per_second: float
    """Until the last of them came."""
    products: int


def main() -> None:
    """Rounds of none, silent, slow, drip, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=60.0, help="products a second of the open loop")
    parser.add_argument("--seconds", type=float, default=90.0, help="of one round")
    parser.add_argument("--backlog", type=int, default=9_000, help="products of one backlog")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    paced = Load(options.rate, round(options.rate * options.seconds))
    backlog = Load(0.0, options.backlog)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        picture = state / "photo.jpg"
        picture.write_bytes(photo(*SIZE))
        print(f"photos of {SIZE[0]}x{SIZE[1]}, {picture.stat().st_size:,} bytes")
        with Starting(KafkaPart(state, print), PortBook(state / "ports.json")) as starting:
            servers = starting.wait().bootstrap_servers
            for load, _, manner in itertools.product((paced, backlog), range(options.rounds), (None, *_BAD)):
                _say(load, manner, measure(servers, picture, load, manner))


_BAD = (Manner.SILENT, Manner.SLOW, Manner.DRIP)


def _say(load: Load, manner: Manner | None, found: Found) -> None:
    kind = f"{load.per_second:g}/s" if load.per_second else f"backlog of {load.events:,}"
    print(
        f"{kind:>18}, bad host {manner or 'none':>6}: {found.products:,} good products, {found.per_second:6.1f}/s, "
        f"age median {found.median_s * 1000:7.0f} ms, p95 {found.p95_s * 1000:7.0f} ms",
        flush=True,
    )


def measure(servers: str, picture: Path, load: Load, manner: Manner | None) -> Found:
    """One round on fresh topics, with fresh hosts and a fresh worker."""
    tag = uuid.uuid4().hex[:8]
    topics = TopicSettings(**{name: f"{name}-{tag}" for name in TopicSettings.model_fields})
    create_topics(KafkaSettings(bootstrap_servers=servers), topics, Layout(PARTITIONS, 1))
    with host(Manner.GOOD, picture) as good, host(manner or Manner.GOOD, picture) as other:
        settings = {
            "kafka": {"bootstrap_servers": servers, "group_id": tag, "session_timeout_s": 10},
            "topics": topics.model_dump(),
            "images": {"allow_private": [f"{ADDRESS}/32:{port}" for port in (good, other)]},
        }
        start_s = time.monotonic() + WARM_UP_S
        arguments = (servers, topics.events, load, (good, other), start_s)
        sender = threading.Thread(target=_send, args=arguments)
        with Process(Plan(Engine.HANGTAG, Work.FETCH, 0, settings), threading.Condition()):
            sender.start()
            found = _read(servers, topics.attributes, load, start_s)
            sender.join()
    return found


@contextmanager
def host(manner: Manner, picture: Path) -> Iterator[int]:
    """Its port."""
    command = [sys.executable, "-m", "tests.bench.hosts.host", manner, str(picture)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _send(servers: str, topic: str, load: Load, ports: tuple[int, int], start_s: float) -> None:
    """Every second product has its second picture on the other host."""
    producer = Producer({"bootstrap.servers": servers, "partitioner": "murmur2_random", "linger.ms": 1})
    for number in range(load.events):
        due_s = start_s + (number / load.per_second if load.per_second else 0)
        time.sleep(max(0.0, due_s - time.monotonic()))
        urls = [f"http://{ADDRESS}:{port}/{number}-{port}.jpg" for port in (ports[0], ports[number % 2])]
        word = f"{'bad' if number % 2 else 'good'}:{due_s}"
        producer.produce(topic, key=b"key-%d" % number, value=" ".join([word, *urls]).encode())
        producer.poll(0)
    producer.flush()


def _read(servers: str, topic: str, load: Load, start_s: float) -> Found:
    reader = Consumer({"bootstrap.servers": servers, "group.id": "bench-hosts", "enable.auto.commit": False})
    reader.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    left, ages, last_s = load.events // 2, list[float](), start_s
    deadline_s = start_s + (load.events / load.per_second if load.per_second else 0) + REST_S
    while left:
        messages = reader.consume(1_000, 0.01)
        now_s = time.monotonic()
        if now_s > deadline_s:
            raise RuntimeError(f"{left} good products did not come")
        for message in messages:
            word, _, due = (message.value() or b"").split()[0].decode().partition(":")
            if word == "good":
                left, last_s = left - 1, now_s
                ages.append(now_s - float(due))
    reader.close()
    return Found(
        statistics.median(ages), statistics.quantiles(ages, n=20)[-1], len(ages) / (last_s - start_s), len(ages)
    )


if __name__ == "__main__":
    main()
