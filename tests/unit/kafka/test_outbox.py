# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from consumer.errors import DeadLetterReason, Refused
from consumer.events import Finished, Rejected
from consumer.headers import Build, last_value
from consumer.kafka.broker import CurrentLimits, Limits
from consumer.kafka.dead_letter import DeadLetters
from consumer.kafka.outbox import Outbox, Prepared, Result
from consumer.kafka.progress import Progress
from tests.unit.kafka.scripted import delivery, output

if TYPE_CHECKING:
    from consumer.events import Outcome

NOW = datetime.now(UTC)
REJECTED = Rejected(DeadLetterReason.FIELD_INVALID, "no", "decode", None, 1, NOW, NOW)


def outbox(limits: Limits | None = None, *, drops_maps: bool = False) -> Outbox:
    return Outbox(
        "events", DeadLetters("dlq", Build("1", 1)), CurrentLimits(lambda: limits or Limits()), drops_maps=drops_maps
    )


def admitted(count: int, partition: int = 0) -> Progress:
    progress = Progress(partition, 0)
    for offset in range(count):
        progress.admit(offset, 0.0)
    return progress


def add(box: Outbox, progress: Progress, *offsets: int, outcome: Outcome | None = None) -> None:
    for offset in offsets:
        finished = outcome or Finished((output(b"%d" % offset),))
        box.add(Result(progress, delivery(offset, progress.partition), finished, 0))


def prepared_by(box: Outbox, *assigned: Progress) -> Prepared:
    """The next batch, where there must be one."""
    prepared = box.prepare(assigned)
    assert prepared is not None
    return prepared


def test_results_leave_in_the_order_of_partition_and_offset() -> None:
    box, first, second = outbox(), admitted(9, 0), admitted(9, 1)
    add(box, second, 1, 0)
    add(box, first, 5, 2)

    prepared = prepared_by(box, first, second)

    assert [(number, record.value) for number, record in prepared.batch.records] == [
        (0, b"2"),
        (0, b"5"),
        (1, b"0"),
        (1, b"1"),
    ]


def test_nothing_new_is_no_batch() -> None:
    box, progress = outbox(), Progress(0, 5)
    progress.committed = progress.snapshot()

    assert box.prepare([progress]) is None


def test_a_start_that_was_never_committed_is() -> None:
    box, progress = outbox(), Progress(0, 5)

    prepared = prepared_by(box, progress)

    assert [(entry.partition, entry.offset) for entry in prepared.batch.offsets] == [(0, 5)]


def test_a_batch_that_failed_comes_again_unchanged() -> None:
    box, progress = outbox(), admitted(9)
    add(box, progress, 3)
    failed = prepared_by(box, progress)
    add(box, progress, 4)

    again = prepared_by(box, progress)

    assert again is failed
    box.settle(again)
    assert [record.value for _, record in prepared_by(box, progress).batch.records] == [b"4"]


def test_what_is_not_settled_counts_as_held() -> None:
    box, progress = outbox(), admitted(9)
    add(box, progress, 1, 2)
    prepared = prepared_by(box, progress)
    add(box, progress, 3)

    assert len(box) == 3
    box.settle(prepared)
    assert len(box) == 1


def test_nothing_of_a_closed_assignment_is_published() -> None:
    box, gone, ours = outbox(), admitted(9, 0), admitted(9, 1)
    add(box, gone, 3)
    add(box, ours, 3)
    box.prepare([gone, ours])  # and it failed
    add(box, gone, 4)
    gone.close()

    dropped = box.drop_closed()

    assert [result.delivery.offset for result in dropped] == [3, 4]
    prepared = prepared_by(box, ours)
    assert {number for number, _ in prepared.batch.records} == {1}
    assert {entry.partition for entry in prepared.batch.offsets} == {1}


def test_results_that_the_bitmap_cannot_record_wait() -> None:
    progress = admitted(4001)
    box = outbox(Limits(metadata_bytes=100))
    scattered = sorted(random.Random(1).sample(range(1, 4000), 1600))
    add(box, progress, *scattered)

    prepared = prepared_by(box, progress)

    published = [result.delivery.offset for result, _ in prepared.results]
    assert 0 < len(published) < len(scattered)
    assert published == scattered[: len(published)]
    bitmap = prepared.batch.offsets[0].metadata
    assert bitmap is not None
    assert len(bitmap) < 100
    box.settle(prepared)
    add(box, progress, 0, *(set(range(1, 4001)) - set(scattered)))
    assert len(prepared_by(box, progress).results) == 4001 - len(published)


def test_at_least_once_drops_the_map_and_not_the_data() -> None:
    progress = admitted(4001)
    box = outbox(Limits(metadata_bytes=100), drops_maps=True)
    scattered = sorted(random.Random(1).sample(range(1, 4000), 1600))
    add(box, progress, *scattered)

    prepared = prepared_by(box, progress)

    assert len(prepared.results) == len(scattered)
    assert (prepared.batch.offsets[0].offset, prepared.batch.offsets[0].metadata) == (0, "")


def test_a_rejected_event_leaves_as_a_dead_letter_with_its_bytes() -> None:
    box, progress = outbox(), admitted(1)
    add(box, progress, 0, outcome=REJECTED)

    ((partition, record),) = prepared_by(box, progress).batch.records

    assert (partition, record.topic, record.key, record.value) == (0, "dlq", b"key", b"in")
    assert record.timestamp_ms == 1_700_000_000_000
    assert last_value(record.headers, "hangtag.error.reason") == "field_invalid"


def test_all_outputs_of_an_event_give_way_when_one_is_too_large() -> None:
    progress = admitted(2)
    box = outbox(Limits(message_bytes={"attributes": 2_000}))
    add(box, progress, 0, outcome=Finished((output(b"small", "embeddings"), output(bytes(3_000)))))
    add(box, progress, 1)

    prepared = prepared_by(box, progress)

    assert [record.topic for _, record in prepared.batch.records] == ["dlq", "attributes"]
    rejected = prepared.results[0][1]
    assert rejected is not None
    assert rejected.reason is DeadLetterReason.OUTPUT_TOO_LARGE


def test_a_dead_letter_that_does_not_fit_is_never_skipped() -> None:
    progress = admitted(1)
    box = outbox(Limits(message_bytes={"dlq": 600}))
    add(box, progress, 0, outcome=REJECTED)

    for _ in range(2):  # nor is it forgotten when somebody goes on
        with pytest.raises(Refused, match=r"max\.message\.bytes of dlq"):
            box.prepare([progress])
    assert len(box) == 1


def test_letters_of_header_names_count_as_the_bytes_that_they_take() -> None:
    box, progress = outbox(Limits(message_bytes={"attributes": 1_000})), admitted(1)
    wide = structs.replace(output(b"0"), headers=(("я" * 300, b""),))
    add(box, progress, 0, outcome=Finished((wide,)))

    ((_, rejected),) = prepared_by(box, progress).results

    assert rejected is not None
