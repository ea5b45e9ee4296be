# SPDX-License-Identifier: Apache-2.0
"""The real loop with stub stages, and what tests of it read and write."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from consumer.events import Finished, Headers, OutputRecord
from consumer.headers import SOURCE, Build, last_value, source_of
from consumer.kafka.chains import Chains
from consumer.kafka.event_loop import EventLoopThread
from consumer.kafka.loop import Loop
from consumer.kafka.message import delivery_of
from consumer.observability.metrics import Metrics
from consumer.settings import Settings, load_settings
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from consumer.events import Delivery, Outcome
    from consumer.settings import TopicSettings

    Handle = Callable[[Delivery], Awaitable[Outcome]]


class Timeouts(TypedDict):
    """Of the settings, and of scenarios."""

    session_timeout_s: int
    transaction_timeout_s: int


BUILD = Build("0.0.0", 1)
#: The defaults of the settings. With shorter ones a broker that is away costs the assignment besides.
DEFAULT_TIMEOUTS: Timeouts = {"session_timeout_s": 45, "transaction_timeout_s": 30}
STOP_LIMIT_S = 30.0
READ_LIMIT_S = 30.0
RESULTS_LIMIT_S = 60.0


def engine_settings(
    bootstrap_servers: str, topics: TopicSettings, group_id: str, **sections: dict[str, Any]
) -> Settings:
    """Settings of one member with short timeouts; `sections` overrides single fields."""
    kafka = {
        "bootstrap_servers": bootstrap_servers,
        "group_id": group_id,
        "session_timeout_s": 6,
        "transaction_timeout_s": 5,
    }
    return load_settings(
        kafka=kafka | sections.pop("kafka", {}),
        topics=topics.model_dump(),
        engine={"drain_s": 5} | sections.pop("engine", {}),
        **sections,
    )


@dataclass
class Running:
    """A loop at work in a thread of the test."""

    loop: Loop
    metrics: Metrics
    thread: threading.Thread
    failures: list[BaseException] = field(default_factory=list)

    def stop(self) -> None:
        self.loop.request_stop()
        self.join()

    def join(self) -> None:
        self.thread.join(STOP_LIMIT_S)
        assert not self.thread.is_alive(), "the loop did not end"

    @property
    def published(self) -> float:
        return self.value("hangtag_results_published_total")

    def wait_for(self, count: int) -> None:
        wait_until(lambda: self.failures or self.published >= count, RESULTS_LIMIT_S, f"{count} results")

    def value(self, metric: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(metric, labels) or 0.0


@contextmanager
def running(settings: Settings, handle: Handle) -> Iterator[Running]:
    """Run the loop until the block ends; an error of the loop is raised there unless the test took it."""
    with EventLoopThread() as events:
        metrics = Metrics()
        loop = Loop(settings, Chains(handle, events), BUILD, metrics)
        failures: list[BaseException] = []

        def run() -> None:
            try:
                loop.run()
            except BaseException as error:  # noqa: BLE001 - handed to the test's thread
                failures.append(error)

        run_of = Running(loop, metrics, threading.Thread(target=run, name="owner"), failures)
        run_of.thread.start()
        try:
            yield run_of
        finally:
            run_of.stop()
        for failure in failures:
            raise failure


class Gate:
    """Holds coroutines of the event loop until the test opens it."""

    def __init__(self) -> None:
        self._opened: Future[None] = Future()

    def open(self) -> None:
        self._opened.set_result(None)

    async def passed(self) -> None:
        # Shielded: a coroutine that is cancelled must not cancel the gate of the others.
        await asyncio.shield(asyncio.wrap_future(self._opened))


def echo(topics: TopicSettings, delivery: Delivery) -> Finished:
    """The value again, as an attributes record that names its source."""
    headers = ((SOURCE, source_of(delivery).encode()),)
    return Finished((OutputRecord(topics.attributes, delivery.key, delivery.value, headers),))


class Echo:
    """Stages that repeat the value; those of a held key wait for the test."""

    def __init__(self, topics: TopicSettings, held: bytes | None = None) -> None:
        self.topics = topics
        self.held = held
        self.gate = Gate()
        self.ran: list[str] = []

    async def __call__(self, delivery: Delivery) -> Outcome:
        self.ran.append(source_of(delivery))
        if delivery.key == self.held:
            await self.gate.passed()
        return echo(self.topics, delivery)


@dataclass(frozen=True)
class Event:
    """One event of a test's input."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def numbered(count: int, keys: int = 50) -> list[Event]:
    """Events whose values count up, dealt out to the keys in turn."""
    return [Event(b"key-%d" % (n % keys), b"%d" % n) for n in range(count)]


class Feed:
    """Writes events in transactions, so that the input has markers and, on demand, aborted records."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._topic = topic
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "transactional.id": f"feed-{topic}",
                "partitioner": "murmur2_random",
                "linger.ms": 1,
                "log_level": 0,
            }
        )
        self._producer.init_transactions(30)

    def write(self, events: Sequence[Event], *, commit: bool = True, partition: int = -1) -> None:
        self._producer.begin_transaction()
        for event in events:
            self._producer.produce(
                self._topic, key=event.key, value=event.value, headers=list(event.headers), partition=partition
            )
            self._producer.poll(0)
        if commit:
            self._producer.commit_transaction()
        else:
            self._producer.flush(30)
            self._producer.abort_transaction()


def read_committed(bootstrap_servers: str, topics: Sequence[str]) -> dict[str, list[Message]]:
    """Every committed record of the topics up to their ends as of now, by topic, in offset order per partition."""
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "oracle",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    found: dict[str, list[Message]] = defaultdict(list)
    metadata = reader.list_topics(timeout=READ_LIMIT_S).topics
    open_ends = {(topic, number) for topic in topics for number in metadata[topic].partitions}
    reader.assign([TopicPartition(topic, number, 0) for topic, number in open_ends])
    while open_ends:
        messages = reader.consume(1000, 1)
        for message in messages:
            error = message.error()
            if error is None:
                found[delivery_of(message).topic].append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                open_ends.discard((message.topic(), message.partition()))
            else:
                raise AssertionError(error)
    reader.close()
    return found


def source(message: Message) -> str | None:
    """The input record that an output or a dead letter came from."""
    return last_value(delivery_of(message).headers, SOURCE)


def number_of(message: Message) -> int:
    """The value of one of the `numbered` events, or of what came of it."""
    value = message.value()
    assert value is not None
    return int(value)


def committed_offsets(settings: Settings, partitions: int) -> dict[int, tuple[int, str]]:
    """Offset and metadata that the group has, per partition; -1001 without a commit."""
    reader = Consumer(
        {
            "bootstrap.servers": settings.kafka.bootstrap_servers,
            "group.id": settings.kafka.group_id,
            "log_level": 0,
        }
    )
    wanted = [TopicPartition(settings.topics.events, number) for number in range(partitions)]
    answers = {entry.partition: (entry.offset, entry.metadata or "") for entry in reader.committed(wanted, timeout=30)}
    reader.close()
    return answers
