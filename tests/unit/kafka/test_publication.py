# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from confluent_kafka import KafkaError
from structlog.testing import capture_logs

from consumer.errors import DeadLetterReason, Refused, StaleGeneration
from consumer.events import Finished
from consumer.headers import Build
from consumer.kafka.broker import CurrentLimits, Limits
from consumer.kafka.dead_letter import DeadLetters
from consumer.kafka.outbox import Outbox, Prepared, Result
from consumer.kafka.progress import Progress
from consumer.kafka.publication import Publication
from consumer.kafka.publishing import Batch, NotPublished
from consumer.observability.metrics import Metrics
from consumer.settings import EngineSettings
from tests.unit.kafka.scripted import delivery, output


class Publisher:
    def __init__(self) -> None:
        self.starts = 0
        self.failures: list[KafkaError] = []
        self.batches: list[Batch] = []

    def start(self) -> None:
        self.starts += 1

    def publish(self, batch: Batch) -> None:
        if self.failures:
            raise NotPublished(self.failures.pop(0))
        self.batches.append(batch)


class Scene:
    def __init__(self) -> None:
        self.progress = Progress(0, 0)
        self.progress.committed = self.progress.snapshot()
        self.publisher = Publisher()
        self.metrics = Metrics()
        self.largest_bytes: int | None = 1_000
        self.is_assumed = False
        self.limits = CurrentLimits(self.read_limits)
        self.outbox = Outbox("events", DeadLetters("dlq", Build("1", 1)), self.limits, drops_maps=False)
        engine = EngineSettings(slots=8, commit_interval_s=60)
        self.publication = Publication(self.outbox, self.publisher, [self.progress], engine, self.metrics)

    def read_limits(self) -> Limits:
        told = {} if self.largest_bytes is None else {"attributes": self.largest_bytes}
        return Limits(message_bytes=told, is_assumed=self.is_assumed)

    def publish(self) -> Prepared:
        """What was published, where something must be."""
        prepared = self.publication.publish()
        assert prepared is not None
        return prepared

    def finish(self, offset: int, value: bytes = b"out") -> None:
        self.progress.admit(offset, 0.0)
        self.outbox.add(Result(self.progress, delivery(offset), Finished((output(value),)), 0))

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_enough_results_start_a_transaction_before_the_interval_is_over(scene: Scene) -> None:
    scene.publication.publish()  # an interval begins
    scene.finish(0)
    assert not scene.publication.is_due()

    scene.finish(1)

    assert scene.publication.is_due()


def test_a_published_batch_is_counted_and_told_once(scene: Scene) -> None:
    scene.finish(0)

    with capture_logs() as logs:
        prepared = scene.publish()
        assert scene.publication.publish() is None

    assert [result.delivery.offset for result, _ in prepared.results] == [0]
    assert [(line["event"], line["results"]) for line in logs] == [("transaction_committed", 1)]
    assert scene.value("hangtag_results_published_total") == 1
    assert scene.value("hangtag_bitmap_bytes", partition="0") == 0


def test_a_transaction_without_results_is_told_at_debug_level(scene: Scene) -> None:
    scene.progress.committed = None

    with capture_logs() as logs:
        scene.publication.publish()

    assert [line["log_level"] for line in logs] == ["debug"]


def test_a_dead_letter_is_told_when_it_is_final(scene: Scene) -> None:
    scene.finish(0, bytes(2_000))
    scene.publisher.failures = [KafkaError(KafkaError._TIMED_OUT)]

    with capture_logs() as logs:
        scene.publication.publish()
        assert not [line for line in logs if line["event"] == "dead_lettered"]
        scene.publication.publish()

    (line,) = (line for line in logs if line["event"] == "dead_lettered")
    assert line["reason"] == DeadLetterReason.OUTPUT_TOO_LARGE
    assert line["source"] == "events/0/0"
    assert scene.value("hangtag_dead_letters_total", reason="output_too_large") == 1


def test_an_aborted_batch_is_published_again(scene: Scene) -> None:
    scene.finish(0)
    scene.publisher.failures = [KafkaError(KafkaError._TRANSPORT)]

    assert scene.publication.publish() is None
    assert scene.publication.publish() is not None

    assert scene.value("hangtag_transactions_aborted_total", cause="_TRANSPORT") == 1
    assert len(scene.outbox) == 0


def test_an_outage_never_ends_the_process(scene: Scene) -> None:
    scene.finish(0)
    scene.publisher.failures = [KafkaError(KafkaError._TRANSPORT) for _ in range(50)]

    while scene.publisher.failures:
        assert scene.publication.publish() is None

    assert scene.publication.publish() is not None


def test_after_a_failure_results_do_not_hurry(scene: Scene) -> None:
    for offset in range(8):
        scene.finish(offset)
    scene.publisher.failures = [KafkaError(KafkaError._TRANSPORT) for _ in range(9)]
    due = []
    while scene.publisher.failures:
        scene.publication.publish()
        due.append(scene.publication.is_due())

    assert not all(due)


def test_the_same_unknown_cause_three_times_asks_for_a_fresh_start(scene: Scene) -> None:
    scene.finish(0)
    scene.publisher.failures = [KafkaError(KafkaError._INCONSISTENT) for _ in range(3)]

    scene.publication.publish()
    scene.publication.publish()
    with pytest.raises(StaleGeneration, match="3 transactions"):
        scene.publication.publish()


def test_what_no_longer_fits_into_a_topic_becomes_a_dead_letter_and_the_rest_goes_on(scene: Scene) -> None:
    scene.finish(0, bytes(400))
    scene.finish(1)
    scene.publisher.failures = [KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)]
    scene.largest_bytes = 900  # with the frame

    assert scene.publication.publish() is None
    prepared = scene.publish()

    assert [rejected and rejected.reason for _, rejected in prepared.results] == ["output_too_large", None]
    assert [record.topic for _, record in scene.publisher.batches[0].records] == ["dlq", "attributes"]
    assert scene.publisher.starts == 1


def test_sizes_that_are_refused_though_no_limit_changed_ask_for_a_fresh_start(scene: Scene) -> None:
    scene.finish(0)
    scene.publisher.failures = [KafkaError(KafkaError.MSG_SIZE_TOO_LARGE) for _ in range(3)]

    assert scene.publication.publish() is None
    assert scene.publication.publish() is None
    with pytest.raises(StaleGeneration, match="MSG_SIZE_TOO_LARGE"):
        scene.publication.publish()


def test_a_limit_that_cannot_be_read_again_stays_as_it_was(scene: Scene) -> None:
    scene.finish(0, bytes(400))
    scene.publisher.failures = [KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)]
    scene.largest_bytes = None

    assert scene.publication.publish() is None
    prepared = scene.publish()

    assert [rejected for _, rejected in prepared.results] == [None]
    assert scene.publisher.starts == 0


@pytest.mark.parametrize("code", [KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.OFFSET_METADATA_TOO_LARGE])
def test_a_limit_that_was_assumed_and_is_lower_is_refused_with_what_to_allow(scene: Scene, code: int) -> None:
    scene.is_assumed = True
    scene.limits.now = scene.read_limits()
    scene.finish(0)
    scene.publisher.failures = [KafkaError(code)]

    with pytest.raises(Refused, match="DESCRIBE_CONFIGS"):
        scene.publication.publish()


def test_a_lowered_limit_of_offset_metadata_asks_for_a_fresh_start(scene: Scene) -> None:
    scene.finish(0)
    scene.publisher.failures = [KafkaError(KafkaError.OFFSET_METADATA_TOO_LARGE)]

    with pytest.raises(StaleGeneration, match="shorter offset metadata"):
        scene.publication.publish()
