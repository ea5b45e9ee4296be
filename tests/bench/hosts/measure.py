# SPDX-License-Identifier: Apache-2.0
"""One arm, once: fresh topics, fresh hosts, a fresh worker."""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, Producer, TopicPartition

from consumer.kafka.topics import Layout, create_topics
from consumer.settings import KafkaSettings, TopicSettings
from tests.bench.engine.fetching import LOST
from tests.bench.engine.measure import ROOT, Process
from tests.bench.engine.plan import Engine, Plan, Work
from tests.bench.engine.topics import PARTITIONS
from tests.bench.hosts.arms import PROTECTION_OFF, Arm, Load, Manner
from tests.support.name_server import ADDRESS, KNOWN_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: A worker that has not started yet makes the first events old in every arm alike.
WARM_UP_S = 5.0
#: Of a worker whose figures are taken already.
_DRAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Task:
    """What all arms of a load have in common."""

    servers: str
    picture: Path
    load: Load
    rest_s: float
    """How long is waited after the last product was due."""


@dataclass(frozen=True, slots=True)
class Found:
    """Of products without a picture on the bad host. One that did not come is as old as it was when we went."""

    came: int
    lost: int
    """Of these, without their first picture, which is the good host's."""
    missing: int
    per_second: float
    """Until the last of them came, or we went."""
    median_s: float
    p95_s: float


@dataclass(frozen=True, slots=True)
class _Hosts:
    """Patterns of URLs, `{}` for what is different in each, and ports on loopback."""

    good: str
    other: str
    ports: tuple[int, ...]
    name_server: int


def measure(task: Task, arm: Arm) -> Found:
    """What became of the good products beside that host."""
    tag = uuid.uuid4().hex[:8]
    topics = TopicSettings(**{name: f"{name}-{tag}" for name in TopicSettings.model_fields})
    create_topics(KafkaSettings(bootstrap_servers=task.servers), topics, Layout(PARTITIONS, 1))
    with _hosts(arm.manner, task.picture) as hosts:
        settings: dict[str, dict[str, Any]] = {
            "kafka": {"bootstrap_servers": task.servers, "group_id": tag, "session_timeout_s": 10},
            "topics": topics.model_dump(),
            "engine": {"drain_s": _DRAIN_S},
            "images": {"allow_private": [f"{ADDRESS}/32:{port}" for port in hosts.ports]},
        }
        unchecked = PROTECTION_OFF if arm.is_control else {}
        start_s = time.monotonic() + WARM_UP_S
        sender = threading.Thread(target=_send, args=(task, topics.events, hosts, start_s))
        plan = Plan(Engine.HANGTAG, Work.FETCH, 0, settings, unchecked, hosts.name_server)
        with Process(plan, threading.Condition()) as worker:
            sender.start()
            found = _read(task, topics.attributes, start_s)
            sender.join()
            if worker.has_ended():
                raise RuntimeError("the worker ended before it was told to")
    return found


@contextmanager
def _hosts(manner: Manner, picture: Path) -> Iterator[_Hosts]:
    with _port_of("names") as name_server, _port_of("host", Manner.GOOD, str(picture)) as port:
        good = f"http://{KNOWN_NAME}:{port}/{{}}.jpg"
        if manner is Manner.NAMES:
            yield _Hosts(good, "http://{}.invented.example/photo.jpg", (port,), name_server)
            return
        with _port_of("host", manner, str(picture)) as bad:
            other = f"http://{ADDRESS}:{bad}/{{}}.jpg"
            if manner is Manner.RUSH:
                other = f"http://{{}}.{KNOWN_NAME}:{bad}/photo.jpg"
            yield _Hosts(good, other, (port, bad), name_server)


@contextmanager
def _port_of(module: str, *arguments: str) -> Iterator[int]:
    """Of a process that serves there until the end of the block."""
    command = [sys.executable, "-m", f"tests.bench.hosts.{module}", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _send(task: Task, topic: str, hosts: _Hosts, start_s: float) -> None:
    """Two pictures a product; every second one has its second on the other host."""
    producer = Producer({"bootstrap.servers": task.servers, "partitioner": "murmur2_random", "linger.ms": 1})
    for number in range(task.load.products):
        time.sleep(max(0.0, start_s + task.load.due_s(number) - time.monotonic()))
        second = hosts.other if number % 2 else hosts.good
        urls = hosts.good.format(f"{number}-1"), second.format(f"{number}-2")
        producer.produce(topic, key=b"key-%d" % number, value=" ".join([str(number), *urls]).encode())
        producer.poll(0)
    producer.flush()


def _read(task: Task, topic: str, start_s: float) -> Found:
    reader = Consumer({"bootstrap.servers": task.servers, "group.id": "bench-hosts", "enable.auto.commit": False})
    reader.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    due_s = {str(number): start_s + task.load.due_s(number) for number in range(0, task.load.products, 2)}
    end_s = start_s + task.load.seconds + task.rest_s
    ages: list[float] = []
    lost = 0
    while due_s and (now_s := time.monotonic()) < end_s:
        for message in reader.consume(1_000, 0.01):
            first, *_, last = (message.value() or b"").split()
            if (number := first.decode()) in due_s:
                ages.append(time.monotonic() - due_s.pop(number))
                lost += last == LOST
    now_s = time.monotonic()
    reader.close()
    aged = [*ages, *(now_s - due for due in due_s.values())]
    p95_s = statistics.quantiles(aged, n=20)[-1]
    return Found(len(ages), lost, len(due_s), len(ages) / (now_s - start_s), statistics.median(aged), p95_s)
